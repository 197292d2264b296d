"""The consistency pages of a project: one module a page, all under /staff/projects/…/consistency/."""
