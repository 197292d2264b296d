"""The pages of the crowd: joining and finishing at the root, the staff's under /staff/."""

from django.urls import path

from annotate.views import crowd, invitations, pay

urlpatterns = [
    path("join/<str:secret>/", invitations.join, name="join"),
    path("crowd/<slug:slug>/finished/", crowd.finished, name="crowd_finished"),
    path("crowd/<slug:slug>/<slug:provider>/", crowd.enter, name="crowd_enter"),
    path("staff/projects/<slug:slug>/crowd/", crowd.show, name="crowd"),
    path("staff/projects/<slug:slug>/crowd/settings/", crowd.change, name="crowd_settings"),
    path("staff/projects/<slug:slug>/crowd/sync/", crowd.sync, name="crowd_sync"),
    path("staff/projects/<slug:slug>/crowd/<int:pk>/approve/", crowd.approve, name="crowd_approve"),
    path("staff/projects/<slug:slug>/invitations/", invitations.index, name="invitations"),
    path("staff/projects/<slug:slug>/invitations/<int:pk>/revoke/", invitations.revoke, name="invitation_revoke"),
    path("staff/projects/<slug:slug>/pay/", pay.show, name="pay"),
    path("staff/projects/<slug:slug>/pay/lines.csv", pay.export, name="pay_export"),
    path("staff/projects/<slug:slug>/pay/<int:pk>/", pay.person, name="pay_person"),
    path("staff/pay/<int:pk>/", pay.decide, name="pay_decide"),
    path("pay/", pay.mine, name="my_pay"),
]
