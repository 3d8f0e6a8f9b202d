"""CloudFormation templates as Python values: intrinsics as their long form, and a resolver that knows parameters and names."""

import re

import yaml

PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
NO_VALUE = object()

# What names a resource, and the service its ARN is of.
NAMES = {
    "AWS::SQS::Queue": ("QueueName", "sqs", "{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns", "{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/{name}"),
    "AWS::Serverless::Function": ("FunctionName", "lambda", "function:{name}"),
    "AWS::S3::Bucket": ("BucketName", "s3", "{name}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch", "alarm:{name}"),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", "cloudwatch", "alarm:{name}"),
    "AWS::Synthetics::Canary": ("Name", "synthetics", "canary:{name}"),
    "AWS::Events::Rule": ("Name", "events", "rule/{name}"),
    "AWS::Serverless::Api": ("Name", "apigateway", "{name}"),
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags; dates stay strings, as CloudFormation reads them."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _intrinsic(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {"Fn::" + suffix: value}


Loader.add_multi_constructor("!", _intrinsic)


def load(text):
    """A template's text as a value."""
    return yaml.load(text, Loader)


class Stack:
    """A template with values for its parameters."""

    def __init__(self, template, parameters=None, account="000000000000"):
        self.template = template
        self.account = account
        declared = template.get("Parameters", {})
        self.parameters = {name: p.get("Default", f"<{name}>") for name, p in declared.items()}
        self.parameters.update({name: value for name, value in (parameters or {}).items() if name in declared})
        self.conditions = template.get("Conditions", {})

    def resources(self, *types):
        """Logical name and resolved properties of each resource that the parameters leave in place."""
        for name, resource in self.template["Resources"].items():
            if types and resource["Type"] not in types:
                continue
            if "Condition" in resource and not self.holds(resource["Condition"]):
                continue
            yield name, self.resolve(resource.get("Properties", {}))

    def holds(self, condition):
        """Whether a named condition is true."""
        return self._evaluate(self.conditions[condition])

    def refused(self):
        """What its rules say against these parameters."""
        for rule in self.template.get("Rules", {}).values():
            if "RuleCondition" not in rule or self._evaluate(rule["RuleCondition"]):
                yield from (each["AssertDescription"] for each in rule["Assertions"] if not self._evaluate(each["Assert"]))

    def _evaluate(self, value):
        (function, argument), = value.items()
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Equals":
            left, right = (self.resolve(side) for side in argument)
            return str(left) == str(right)
        if function == "Fn::Not":
            return not self._evaluate(argument[0])
        if function == "Fn::And":
            return all(self._evaluate(part) for part in argument)
        if function == "Fn::Or":
            return any(self._evaluate(part) for part in argument)
        if function == "Fn::Contains":
            return self.resolve(argument[1]) in self.resolve(argument[0])
        raise ValueError(f"no such condition function: {function}")

    def resolve(self, value):
        """A value without intrinsics; what only AWS knows becomes a readable stand-in."""
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return self.ref(argument)
            if key.startswith("Fn::"):
                return self._function(key[4:], argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name == "AWS::AccountId":
            return self.account
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            value = self.parameters[name]
            of_type = self.template["Parameters"][name]["Type"]
            return value.split(",") if of_type == "CommaDelimitedList" and isinstance(value, str) else value
        kind = self.template["Resources"].get(name, {}).get("Type")
        if kind in ("AWS::SNS::Topic", "AWS::SecretsManager::Secret"):
            return self.arn(name)
        return self.name(name)

    def name(self, logical):
        """The physical name of a resource, or its logical one in angle brackets."""
        resource = self.template["Resources"].get(logical, {})
        naming = NAMES.get(resource.get("Type"))
        given = naming and resource["Properties"].get(naming[0])
        return self.resolve(given) if given else f"<{logical}>"

    def arn(self, logical):
        kind = self.template["Resources"].get(logical, {}).get("Type")
        if kind not in NAMES:
            return f"<{logical}.Arn>"
        _, service, form = NAMES[kind]
        if service == "s3":
            return f"arn:aws:s3:::{self.name(logical)}"
        return f"arn:aws:{service}:{PSEUDO['AWS::Region']}:{self.account}:" + form.format(name=self.name(logical))

    def _function(self, function, argument):
        if function == "If":
            condition, yes, no = argument
            return self.resolve(yes if self.holds(condition) else no)
        if function == "GetAtt":
            logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            if attribute == "Arn":
                return self.arn(logical)
            if attribute in ("QueueName", "TopicName"):
                return self.name(logical)
            return f"<{logical}.{attribute}>"
        if function == "Sub":
            text, extra = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{(!?)([^}]+)\}", lambda match: self._variable(match, extra), text)
        if function == "Join":
            separator, parts = argument
            return separator.join(str(part) for part in self.resolve(parts))
        if function == "Split":
            separator, text = argument
            return self.resolve(text).split(separator)
        if function == "FindInMap":
            table, first, second = self.resolve(argument)
            return self.resolve(self.template["Mappings"][table][first][second])
        if function == "Select":
            index, parts = argument
            return self.resolve(parts)[int(index)]
        raise ValueError(f"no such function: {function}")

    def _variable(self, match, extra):
        literal, name = match.groups()
        if literal:
            return "${" + name + "}"
        if name in extra:
            return str(self.resolve(extra[name]))
        if "." in name:
            return str(self._function("GetAtt", name))
        value = self.ref(name)
        return ",".join(value) if isinstance(value, list) else str(value)


def statements(document):
    """The statements of a policy, each with lists where a policy may have one or many."""
    found = document.get("Statement", [])
    for statement in found if isinstance(found, list) else [found]:
        yield {**statement, "Action": as_list(statement.get("Action")), "Resource": as_list(statement.get("Resource"))}


def as_list(value):
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
