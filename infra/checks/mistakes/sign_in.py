"""Mistakes in how people sign in by code, and in how they are invited."""

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


def permission(project):
    return properties(project, "booking", "InvitationMailPermission")


def mails_that_name_no_company(project):
    del properties(project, "booking", "UserPool")["LambdaConfig"]


def mails_that_cognito_may_not_have_written(project):
    del project.templates["booking"]["Resources"]["InvitationMailPermission"]


def mails_written_for_any_user_pool(project):
    del permission(project)["SourceArn"]


def mails_written_for_any_account(project):
    del permission(project)["SourceAccount"]


def mails_written_for_another_service(project):
    permission(project)["Principal"] = "ses.amazonaws.com"


def mails_written_after_nobody_waits(project):
    del properties(project, "booking", "InvitationMail")["Timeout"]


MISTAKES = [
    (control_plane_without_the_tenant, "users_cannot_choose_their_tenant"),
    (custom_attributes_not_asked_for, "a_sign_in_with_a_code_tells_who_it_was"),
    (code_that_lets_users_be_changed, "a_sign_in_with_a_code_tells_who_it_was"),
    (code_in_the_clear, "a_sign_in_with_a_code_tells_who_it_was"),
    (control_plane_always_there, "a_sign_in_with_a_code_tells_who_it_was"),
    (mails_that_name_no_company, "the_user_pool_asks_a_function_that_answers"),
    (mails_that_cognito_may_not_have_written, "the_user_pool_asks_a_function_that_answers"),
    (mails_written_for_any_user_pool, "the_user_pool_asks_a_function_that_answers"),
    (mails_written_for_any_account, "the_user_pool_asks_a_function_that_answers"),
    (mails_written_for_another_service, "the_user_pool_asks_a_function_that_answers"),
    (mails_written_after_nobody_waits, "the_user_pool_asks_a_function_that_answers"),
]
