"""Mistakes in how people sign in by code."""

from .made import properties


def client(project):
    return properties(project, "booking", "ControlPlaneClient")


def control_plane_without_the_tenant(project):
    client(project)["ReadAttributes"].remove("custom:tenant-id")


def custom_attributes_not_asked_for(project):
    client(project)["AllowedOAuthScopes"].remove("profile")


def code_that_lets_users_be_changed(project):
    client(project)["AllowedOAuthScopes"].append("aws.cognito.signin.user.admin")


def code_in_the_clear(project):
    client(project)["CallbackURLs"] = [{"Fn::Sub": "http://control-plane.example/sign-in/callback"}]


def control_plane_always_there(project):
    del project.templates["booking"]["Resources"]["ControlPlaneClient"]["Condition"]


MISTAKES = [
    (control_plane_without_the_tenant, "users_cannot_choose_their_tenant"),
    (custom_attributes_not_asked_for, "a_sign_in_with_a_code_tells_who_it_was"),
    (code_that_lets_users_be_changed, "a_sign_in_with_a_code_tells_who_it_was"),
    (code_in_the_clear, "a_sign_in_with_a_code_tells_who_it_was"),
    (control_plane_always_there, "a_sign_in_with_a_code_tells_who_it_was"),
]
