"""What is in the accounts of a rehearsal: what acts assert. Asked of the emulator's own APIs."""

import project_file

ACCOUNTS = ("booking", "mileage", "observability")
# Those with an alias `live`, by account.
FUNCTIONS = {account: project_file.versioned(account) for account in ("booking", "mileage")}
CHANGES = ("created", "updated", "replaced", "deleted")


class Probe:
    """Of a rehearsal, which gives `client` and `journal`."""

    def stacks(self, stage):
        """The stage's stacks and their states."""
        found = {}
        for account in ACCOUNTS:
            pages = self.client(account, "cloudformation").get_paginator("describe_stacks").paginate()
            found |= {each["StackName"]: each["StackStatus"] for page in pages for each in page["Stacks"]}
        return {name: status for name, status in found.items() if name.startswith(f"airline-{stage}-") and status != "DELETE_COMPLETE"}

    def versions(self, stage="dev"):
        """Function -> the version that `live` is at."""
        return {
            f"{function}-{stage}": self.client(account, "lambda").get_alias(FunctionName=f"{function}-{stage}", Name="live")["FunctionVersion"]
            for account, functions in FUNCTIONS.items() for function in functions
        }  # fmt: skip

    def behind(self, stage="dev"):
        """Functions whose `live` has not the last configuration or code, and what differs."""
        found = {}
        for account, functions in FUNCTIONS.items():
            client = self.client(account, "lambda")
            for function in functions:
                latest = client.get_function_configuration(FunctionName=f"{function}-{stage}")
                live = client.get_function_configuration(FunctionName=f"{function}-{stage}", Qualifier="live")
                differing = [key for key in ("Environment", "CodeSha256", "MemorySize", "Timeout") if latest.get(key) != live.get(key)]
                if differing:
                    found[function] = differing
        return found

    def changes(self, since):
        """Lines of the journal about resources that were touched."""
        return [line for line in self.journal(since) if line["kind"] in CHANGES]

    def stops(self):
        """What was refused but for the deployment's own question whether CloudWatch takes alarms yet, which is no resource."""
        return [line for line in self.journal() if line["kind"] in ("refused", "finding") and "type" in line]

    def fingerprint(self, stage):
        """Versions and objects: what a deployment that changes nothing leaves alone."""
        objects = self.client("booking", "s3").list_objects_v2(Bucket=f"portal-{stage}-111111111111").get("Contents", [])
        return self.versions(stage), {each["Key"]: (each["ETag"], each["LastModified"]) for each in objects}

    def tables(self, account):
        return set(self.client(account, "dynamodb").list_tables()["TableNames"])

    def pools(self, stage="dev"):
        """Ids of the stage's user pools."""
        pools = self.client("booking", "cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
        return {pool["Id"] for pool in pools if pool["Name"] == f"airline-{stage}"}

    def tenants(self):
        return {item["tenant_id"]["S"] for item in self.client("booking", "dynamodb").scan(TableName="tenants-dev")["Items"]}

    def left(self, stage):
        """What is left of a stage in any account: tables, buckets, pools, log groups, secrets, and keys that nobody deletes."""
        found = []
        for account in ACCOUNTS:
            found += [name for name in self.tables(account) if name.endswith(f"-{stage}")]
            found += [each["Name"] for each in self.client(account, "s3").list_buckets()["Buckets"] if f"-{stage}-" in each["Name"]]
            groups = self.client(account, "logs").describe_log_groups()["logGroups"]
            found += [each["logGroupName"] for each in groups if each["logGroupName"].endswith(f"-{stage}")]
            pools = self.client(account, "cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
            found += [each["Name"] for each in pools if each["Name"].endswith(f"-{stage}")]
            secrets = self.client(account, "secretsmanager").list_secrets()["SecretList"]
            found += [each["Name"] for each in secrets if stage in each["Name"]]
            kms = self.client(account, "kms")
            for key in kms.list_keys()["Keys"]:
                described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if described["KeyState"] == "Enabled" and f"-{stage}" in described.get("Description", ""):
                    found.append(described["Description"])
        return found
