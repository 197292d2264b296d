"""Keep the secrets of authenticator apps out of Django's admin site."""

from django.contrib import admin
from django_otp.plugins.otp_totp.models import TOTPDevice

admin.site.unregister(TOTPDevice)
