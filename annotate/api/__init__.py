"""The REST API under /api/v1/: the same writing modules and the same doors as the pages, spoken in JSON.

A view takes its object from annotate.access, checks what came, calls one verb and returns what a serializer shows.
"""
