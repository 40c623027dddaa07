#!/usr/bin/env python3
"""Writes the table of every Mesos message from the descriptors embedded in a real libmesos.

usage: extract.py LIBRARY > mesos-1.11.0.txt

LIBRARY is a shared library that contains libmesos 1.11.0 (the `_scheduler.so` of Mesos' Python driver). protoc
stores each compiled file as a serialized FileDescriptorProto in the library's read-only data; this script finds
those by their first field (the file's name) and decodes them by hand, so that it needs nothing but CPython 3.

Table format, one item a line:
  file NAME package PACKAGE syntax SYNTAX
  message FULL.NAME
    NUMBER LABEL TYPE NAME [default=VALUE] [deprecated] [packed] [oneof=NAME]
  enum FULL.NAME
    NUMBER NAME
TYPE is a scalar's name, or `message FULL.NAME`, `enum FULL.NAME`.
"""

import json
import re
import sys

TYPES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool",
         9: "string", 10: "group", 11: "message", 12: "bytes", 13: "uint32", 14: "enum", 15: "sfixed32",
         16: "sfixed64", 17: "sint32", 18: "sint64"}
LABELS = {1: "optional", 2: "required", 3: "repeated"}
# Files that are not the project's subject: third-party protocols and the C++ library's own test messages.
KEEP = re.compile(r"^(mesos/|messages/|slave/|master/|authentication/|scheduler/|executor/|log/|state/|.*/messages\.proto|docker/|appc/|csi/|internal/|resource_provider/|slave|google/protobuf/duration)")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("varint")


def fields(data, at=0, top=False):
    """Yields (number, value, end) of each field; at the top level stops at the first byte that cannot be one."""
    while at < len(data):
        try:
            key, after = varint(data, at)
            number, wire = key >> 3, key & 7
            if top and not (number in range(1, 15) and wire in (0, 2)):
                return
            if wire == 0:
                value, after = varint(data, after)
            elif wire == 2:
                size, after = varint(data, after)
                if after + size > len(data):
                    raise ValueError("length")
                value, after = data[after:after + size], after + size
            elif wire == 1:
                value, after = data[after:after + 8], after + 8
            elif wire == 5:
                value, after = data[after:after + 4], after + 4
            else:
                raise ValueError("wire type")
        except (ValueError, IndexError):
            if top:
                return
            raise
        yield number, value, after
        at = after


def collect(data):
    out = {}
    for number, value, _ in fields(data):
        out.setdefault(number, []).append(value)
    return out


def text(values, default=""):
    return values[-1].decode() if values else default


def read_enum(data, scope):
    got = collect(data)
    values = []
    for raw in got.get(2, []):
        item = collect(raw)
        number = item.get(2, [0])[-1]
        values.append((number - (1 << 64) if number >> 63 else number, text(item.get(1))))
    return {"name": scope + "." + text(got.get(1)), "values": values}


def read_field(data, oneofs):
    got = collect(data)
    options = collect(got[8][-1]) if 8 in got else {}
    field = {"name": text(got.get(1)), "number": got[3][-1], "label": LABELS[got[4][-1]], "type": TYPES[got[5][-1]],
             "type_name": text(got.get(6)).lstrip("."), "default": text(got[7]) if 7 in got else None,
             "deprecated": bool(options.get(3, [0])[-1]), "packed": bool(options.get(2, [0])[-1]),
             "oneof": oneofs[got[9][-1]] if 9 in got else None}
    return field


def read_message(data, scope, messages, enums):
    got = collect(data)
    name = scope + "." + text(got.get(1))
    oneofs = [text(collect(o).get(1)) for o in got.get(8, [])]
    options = collect(got[7][-1]) if 7 in got else {}
    messages.append({"name": name, "fields": [read_field(f, oneofs) for f in got.get(2, [])],
                     "map_entry": bool(options.get(7, [0])[-1])})
    for nested in got.get(3, []):
        read_message(nested, name, messages, enums)
    for nested in got.get(4, []):
        enums.append(read_enum(nested, name))


def read_file(data):
    got = collect(data)
    package = text(got.get(2))
    messages, enums = [], []
    for raw in got.get(4, []):
        read_message(raw, package, messages, enums)
    for raw in got.get(5, []):
        enums.append(read_enum(raw, package))
    return {"name": text(got.get(1)), "package": package, "syntax": text(got.get(12), "proto2"),
            "messages": messages, "enums": enums, "imports": [d.decode() for d in got.get(3, [])]}


def find_files(library):
    files = {}
    for match in re.finditer(rb"\x0a([\x08-\x7f])([A-Za-z0-9_/.\-]+?\.proto)\x12", library):
        if match.group(1)[0] != len(match.group(2)):
            continue
        start, end = match.start(), match.start()
        for _, _, after in fields(library[start:start + (1 << 20)], top=True):
            end = start + after
        try:
            parsed = read_file(library[start:end])
        except (ValueError, KeyError, IndexError, UnicodeDecodeError):
            continue
        if parsed["messages"] or parsed["enums"]:
            files[parsed["name"]] = parsed
    return files


def show_field(field):
    kind = field["type"] + (" " + field["type_name"] if field["type_name"] else "")
    line = f"  {field['number']} {field['label']} {kind} {field['name']}"
    if field["default"] is not None:
        line += f" default={json.dumps(field['default'])}"
    for flag in ("deprecated", "packed"):
        if field[flag]:
            line += " " + flag
    return line + (f" oneof={field['oneof']}" if field["oneof"] else "")


def main():
    library = open(sys.argv[1], "rb").read()
    files = find_files(library)
    if "--json" in sys.argv:
        json.dump(files, sys.stdout)
        return
    for name in sorted(files):
        parsed = files[name]
        if not parsed["package"].startswith("mesos"):
            continue
        print(f"file {name} package {parsed['package']} syntax {parsed['syntax']}")
        for message in parsed["messages"]:
            print(f"message {message['name']}" + (" map_entry" if message["map_entry"] else ""))
            for field in message["fields"]:
                print(show_field(field))
        for enum in parsed["enums"]:
            print(f"enum {enum['name']}")
            for number, value in enum["values"]:
                print(f"  {number} {value}")


if __name__ == "__main__":
    main()
