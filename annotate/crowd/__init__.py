"""People from outside: invitation links, crowd providers and what their work is worth.

The only writer of Invitation (`invitations`) and Participation (`participations`).
"""
