"""Where a mistake is made."""


def properties(project, template, resource):
    return project.templates[template]["Resources"][resource]["Properties"]
