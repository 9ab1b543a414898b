"""TOML documents, valid ones and damaged ones, with what Python's own parser makes of them: one JSON line each.

    toml_cases.py SEED COUNT   ->   {"text": …, "value": tagged value, or null where the text is refused}
"""

import datetime
import json
import random
import sys
import tomllib

KEYS = ["a", "b", "c-d", "_e", "1", '"q k"', "'l'", '"\\u00e9"', '""', "install", "schema-version"]
VALUES = [
    "1", "-17", "+0", "1_000", "0xDEAD_beef", "0o17", "0b101", "9223372036854775807", "-9223372036854775808",
    "1.5", "-0.0", "6.626e-34", "1e06", "5_0.0_1E+2", "inf", "-nan", "true", "false",
    '"x"', "'x'", '"tab\\t \\"q\\" \\\\ \\u00E9 \\U0001F600"', '""', "''", "'''\nline\n'quoted'''''", '"""\na\\\n   b"""""',
    '"""x\\   \n\n  é"""', '"""\\\n  \u00a0y"""', "'''é\u2028'''", '"# no comment"', '"\u2028"',
    "1979-05-27T07:32:00Z", "1979-05-27 00:32:00.999999-07:00", "1979-05-27", "07:32:00", "1979-05-27T07:32:00.5",
    "[]", "[1, 2.0, 'three', [4], {five = 5}]", "[ # c\n 1,\n\n 2, # d\n]", "{}", "{ a = 1, b.c = 'x', 'd' = [] }",
]
BROKEN = [
    "01", "1__0", "_1", "1_", "0x", "+0x1", "1.", ".5", "1e", "1.e1", "tru", "True", '"\\q"', '"\\ud800"', "'\n'", '"\n"', "[1 2]",
    "{a = 1,}", "{a = 1\n}", "{a=1, a=2}", "1979-13-01", "1979-02-30", "25:00:00", "'a' 'b'", "", "[,]", "inf1", "nan_",
    '"""a""" """', "''''''''", '"\x7f"', "'\x01'", "9223372036854775808", "0b2", "--1", "1979-05-27T", "07:32", "\u00a01", "[$]",
]
NOISE = list(" \t\n.=[]{}\"'#,\\-_+0aeTZ:$é\u00a0\u2028\x0b\x0c\x7f\x01") + ["\r\n", "\r", "'''", '"""', "[[", "]]", "\ufed6"]


def key(rng):
    parts = [rng.choice(KEYS) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    return rng.choice([".", " . ", "."]).join(parts)


def line(rng):
    kind = rng.random()
    end = rng.choice(["", "", " # é comment", "\t"]) + rng.choice(["\n", "\n", "\n", "\r\n"])
    if kind < 0.15:
        return rng.choice(["\n", "# c\n", "  \t\n", "#\r\n"])
    if kind < 0.3:
        return "[" + key(rng) + "]" + end
    if kind < 0.35:
        return "[[" + rng.choice(KEYS) + "]]" + end
    value = rng.choice(BROKEN) if kind > 0.97 else rng.choice(VALUES)
    return rng.choice(["", "  "]) + key(rng) + rng.choice(["=", " = "]) + value + end


def document(rng):
    text = "".join(line(rng) for _ in range(rng.randrange(1, 7)))
    if rng.random() < 0.5:
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(NOISE) + text[at + rng.randrange(2):]
    return text


def tagged(value):
    if isinstance(value, bool):
        return ["boolean", value]
    if isinstance(value, int):
        return ["integer", str(value)]
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, str):
        return ["string", value]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return ["date-time", str(value)]
    if isinstance(value, list):
        return ["array", [tagged(v) for v in value]]
    return ["table", {k: tagged(v) for k, v in value.items()}]


def beyond(value):
    """Numbers that Python has and 64 bits have not; an infinity may be one too."""
    if isinstance(value, dict):
        return any(beyond(v) for v in value.values())
    if isinstance(value, list):
        return any(beyond(v) for v in value)
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    return isinstance(value, float) and value in (float("inf"), float("-inf"))


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        text = document(rng)
        try:
            value = tomllib.loads(text)
            if beyond(value):
                continue
            value = tagged(value)
        except tomllib.TOMLDecodeError:
            value = None
        print(json.dumps({"text": text, "value": value}))


main()
