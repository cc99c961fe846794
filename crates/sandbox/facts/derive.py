#!/usr/bin/env python3
"""Derives facts/clio-v4.json from Clio's OpenAPI document.

Usage: derive.py OPENAPI.json[.gz] > clio-v4.json

Only facts are kept: paths, methods, parameter names and types, property names and types,
required names, status codes. No description of the document is copied.

A type is written as a short string:
  int32 int64 double decimal float boolean string date date-time object   plain types
  string:a|b|c                                                            an enumeration
  {Name}                                                                  an object of schema Name
  [T]                                                                     an array of T
A request body is a tree of the same strings; a trailing * on a name marks it as required.
"""

import gzip
import json
import re
import sys

METHODS = ("delete", "get", "patch", "post")


def load(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def ref_name(schema):
    return schema["$ref"].rsplit("/", 1)[1]


def plain_type(schema):
    """The type of a scalar: its format where that says more than its type."""
    kind = schema.get("type", "object")
    values = schema.get("enum")
    if kind == "string" and values:
        values = [str(value) for value in values]
        assert not any("|" in value for value in values), values
        return "string:" + "|".join(values)
    if kind in ("integer", "number"):
        return schema.get("format", "int64" if kind == "integer" else "double")
    if kind == "string":
        return schema["format"] if schema.get("format") in ("date", "date-time") else "string"
    return kind


def type_of(schema, schemas, nested):
    """A type string; an inline object becomes a schema of its own, kept in `schemas`."""
    if "$ref" in schema:
        return "{" + ref_name(schema) + "}"
    if schema.get("type") == "array":
        return "[" + type_of(schema["items"], schemas, nested) + "]"
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return type_of(schema["allOf"][0], schemas, nested)
    if schema.get("type") == "object" and "properties" in schema:
        schemas[nested] = properties_of(schema, schemas, nested)
        return "{" + nested + "}"
    return plain_type(schema)


def properties_of(schema, schemas, name):
    """Property name to type string, with `allOf` flattened."""
    found = {}
    for part in schema.get("allOf", []):
        if "$ref" in part:
            part = DOCUMENT["components"]["schemas"][ref_name(part)]
        found.update(properties_of(part, schemas, name))
    for key, value in schema.get("properties", {}).items():
        found[key] = type_of(value, schemas, f"{name}.{key}")
    return found


def body_tree(schema):
    """A request body as a tree of type strings."""
    if schema.get("type") == "array":
        return [body_tree(schema["items"])]
    if "properties" in schema:
        required = schema.get("required", [])
        return {
            key + ("*" if key in required else ""): body_tree(value)
            for key, value in schema["properties"].items()
        }
    return plain_type(schema)


def json_schema(message):
    """The schema of a JSON body, whatever parameters its media type carries."""
    for media_type, content in message.get("content", {}).items():
        if media_type.startswith("application/json"):
            return content["schema"]
    return None


def reply_of(response):
    """["list", "Matter"], ["show", "Matter"], ["bare", "Matter"] or None."""
    schema = json_schema(response)
    if schema is None:
        return None
    name = ref_name(schema)
    schema = DOCUMENT["components"]["schemas"][name]
    data = schema.get("properties", {}).get("data")
    if data is None:
        return ["bare", name]
    if data.get("type") == "array":
        items = data["items"]
        return ["list", ref_name(items) if "$ref" in items else plain_type(items)]
    return ["show", ref_name(data)] if "$ref" in data else ["bare", name]


def limit_of(parameter):
    """[least, most, default] from the prose of a limit parameter."""
    numbers = re.findall(r"\d+", parameter["description"].replace(",", ""))
    assert len(numbers) == 3, parameter
    return [int(number) for number in numbers]


def operation(path, method, spec):
    facts = {"path": path, "method": method.upper(), "query": {}, "replies": {}}
    for parameter in spec.get("parameters", []):
        where, name, schema = parameter["in"], parameter["name"], parameter["schema"]
        if where == "query":
            required = "*" if parameter.get("required") else ""
            facts["query"][name + required] = plain_type(schema)
            if name == "limit":
                facts["limit"] = limit_of(parameter)
            if name == "order":
                default = re.search(r"Default: `([^`]+)`", parameter["description"])
                facts["order"] = default.group(1) if default else None
        elif where == "header":
            facts.setdefault("headers", []).append(name)
        elif where == "path":
            facts.setdefault("path_types", {})[name] = plain_type(schema)
    body = json_schema(spec.get("requestBody", {}))
    if body is not None:
        facts["body"] = body_tree(body)
    for status, response in spec["responses"].items():
        if status.startswith("2"):
            facts["replies"][status] = reply_of(response)
    facts["statuses"] = sorted(int(status) for status in spec["responses"])
    return facts


def main():
    schemas = {}
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if not re.search(r"_(List|Show)$", name):
            schemas[name] = properties_of(schema, schemas, name)
    operations = [
        operation(path, method, item[method])
        for path, item in sorted(DOCUMENT["paths"].items())
        for method in METHODS
        if method in item
    ]
    facts = {
        "api": DOCUMENT["info"]["version"],
        "schemas": dict(sorted(schemas.items())),
        "operations": operations,
    }
    lines = ['{"api":' + json.dumps(facts["api"]) + ',\n"schemas":{']
    lines.append(",\n".join(json.dumps(k) + ":" + compact(v) for k, v in facts["schemas"].items()))
    lines.append('},\n"operations":[')
    lines.append(",\n".join(compact(o) for o in operations))
    lines.append("]}")
    print("\n".join(lines))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    DOCUMENT = load(sys.argv[1])
    main()
