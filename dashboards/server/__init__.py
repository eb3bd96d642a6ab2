"""The web server: one ASGI application that guards every request and into which the pages hang themselves."""
