"""What `manage.py demo` brings along: prompts with ideal outputs that we wrote ourselves."""
