"""Redirects for the outbox."""

from django.urls import reverse


def test_the_outbox_learns_where_a_redirect_goes(client, db):
    response = client.post(reverse("rank", args=[1]), {"rank-A": "1"}, headers={"Outbox": "1"})

    assert response.status_code == 204
    assert response["Next-Page"] == f"{reverse('login')}?next={reverse('rank', args=[1])}"


def test_the_read_back_waits_for_the_page_that_shows_it(client, ana):
    client.force_login(ana.user)

    response = client.post(reverse("logout"), headers={"Outbox": "1"})

    assert response.status_code == 204
    assert response.cookies["sessionid"].value == ""


def test_others_are_redirected(client, db):
    assert client.get(reverse("home")).status_code == 302
