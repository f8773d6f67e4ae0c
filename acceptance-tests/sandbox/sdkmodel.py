"""The SDK's service model against what the sandbox answers: every member of every reply, every code of a refusal."""

import datetime
import xml.etree.ElementTree as ElementTree

COMMON_ERRORS = set("""
    AccessDenied ExpiredToken IncompleteSignature InternalFailure InvalidAction InvalidClientTokenId
    InvalidParameterCombination InvalidParameterValue MissingParameter SignatureDoesNotMatch Throttling
    ValidationError""".split())
# Older SDKs do not know these two; their shapes, as newer ones have them.
NEWER = {
    "DescribeDBMajorEngineVersions": ({"Engine": "String", "MajorEngineVersion": "String"}, "SandboxMajors"),
    "SwitchoverGlobalCluster": ({"GlobalClusterIdentifier": "String", "TargetDbClusterIdentifier": "String"},
                                "SwitchoverGlobalClusterResult"),
}
NEWER_SHAPES = {
    "SandboxMajors": {"type": "structure", "members": {"DBMajorEngineVersions": {"shape": "SandboxMajorList"}}},
    "SandboxMajorList": {"type": "list", "member": {"shape": "SandboxMajor", "locationName": "DBMajorEngineVersion"}},
    "SandboxMajor": {"type": "structure", "members": {
        "Engine": {"shape": "String"}, "MajorEngineVersion": {"shape": "String"},
        "SupportedEngineLifecycles": {"shape": "SandboxLifecycles"}}},
    "SandboxLifecycles": {"type": "list", "member": {"shape": "SandboxLifecycle",
                                                     "locationName": "SupportedEngineLifecycle"}},
    "SandboxLifecycle": {"type": "structure", "members": {
        "LifecycleSupportName": {"shape": "String"}, "LifecycleSupportStartDate": {"shape": "TStamp"},
        "LifecycleSupportEndDate": {"shape": "TStamp"}}},
    "SwitchoverGlobalClusterResult": {"type": "structure", "members": {}},
}


class Recorder:
    """Looks at every reply of a client before the test does."""

    def __init__(self, client):
        self.seen, self.refused, self.problems, self.unknown, self.replies = {}, {}, [], set(), 0
        client.meta.events.register("after-call.rds", self.look)

    def look(self, http_response, parsed, model, **_):
        self.replies += 1
        code = parsed.get("Error", {}).get("Code")
        if code:
            self.refused.setdefault(model.name, set()).add(code)
            known = {e.metadata.get("error", {}).get("code", e.name) for e in model.error_shapes}
            if code not in known | COMMON_ERRORS:
                self.problems.append(f"{model.name}: code {code} is in no list of AWS")
            return
        self.seen[model.name] = self.seen.get(model.name, 0) + 1
        root = ElementTree.fromstring(http_response.content)
        space = f"{{{model.metadata['xmlNamespace']}}}"
        if root.tag != f"{space}{model.name}Response":
            self.problems.append(f"{model.name}: root {root.tag}")
        if root.find(f"{space}ResponseMetadata/{space}RequestId") is None:
            self.problems.append(f"{model.name}: no request id")
        if model.output_shape is not None and model.output_shape.members:
            result = root.find(f"{space}{model.output_shape.serialization.get('resultWrapper', model.name + 'Result')}")
            if result is None:
                self.problems.append(f"{model.name}: no result element")
            else:
                self.structure(result, model.output_shape, space, model.name)

    def structure(self, element, shape, space, where):
        members = {s.serialization.get("name", name): s for name, s in shape.members.items()}
        for child in element:
            name = child.tag.removeprefix(space)
            if name not in members:
                self.unknown.add(f"{where}.{name}")
            else:
                self.value(child, members[name], space, f"{where}.{name}")
        twice = {c.tag for c in element if sum(c.tag == d.tag for d in element) > 1}
        if twice:
            self.problems.append(f"{where}: {twice} more than once")

    def value(self, element, shape, space, where):
        if shape.type_name == "structure":
            self.structure(element, shape, space, where)
        elif shape.type_name == "list":
            wanted = space + shape.member.serialization.get("name", "member")
            for child in element:
                if child.tag != wanted:
                    self.problems.append(f"{where}: element {child.tag}, not {wanted}")
                self.value(child, shape.member, space, where + "[]")
        elif not self.scalar(element.text or "", shape):
            self.problems.append(f"{where}: {element.text!r} is no {shape.type_name} {getattr(shape, 'enum', '')}")

    @staticmethod
    def scalar(text, shape):
        try:
            if shape.type_name == "boolean":
                return text in ("true", "false")
            if shape.type_name in ("integer", "long"):
                return str(int(text)) == text
            if shape.type_name in ("double", "float"):
                return float(text) is not None
            if shape.type_name == "timestamp":
                return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
        except ValueError:
            return False
        return not getattr(shape, "enum", None) or text in shape.enum


def session_with_newer_operations():
    import boto3
    session = boto3.session.Session()
    model = session._session.get_component("data_loader").load_service_model("rds", "service-2")
    for name, (members, result) in NEWER.items():
        if name in model["operations"]:
            continue
        model["shapes"].update({k: v for k, v in NEWER_SHAPES.items() if k not in model["shapes"]})
        model["shapes"][name + "Sandbox"] = {"type": "structure",
                                             "members": {m: {"shape": s} for m, s in members.items()}}
        model["operations"][name] = {
            "name": name, "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": name + "Sandbox"},
            "output": {"shape": result, "resultWrapper": name + "Result"},
            "errors": [{"shape": "GlobalClusterNotFoundFault"}]}
    return session
