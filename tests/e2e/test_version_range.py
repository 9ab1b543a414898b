"""Version constraints against the class whose grammar they have: SimpleSpec of python3-semantic-version.

Ours takes more (blanks, "x", one- and two-number versions), so the oracle is asked about the rewritten text; and it
leaves pre-releases out unless they are allowed, and lets the literal text always fit.
"""
import os
import re
import subprocess
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
import semantic_version

BUILD = Path(os.environ.get('FLOE_BUILD', 'build/release')).resolve()
ROUNDS = 150
BATCH = 40

number = st.sampled_from(['0', '1', '2', '3', '9', '10', '11', '99', '100', '01', '18446744073709551616'])
wild = st.one_of(number, number, st.sampled_from(['*', '*', '0']))
word = st.sampled_from(['a', 'rc', 'rc1', '1', '0', '10', '01', '-', 'a-b', ''])
tail = st.lists(word, min_size=0, max_size=3).map('.'.join)
ops = st.sampled_from(['', '<', '<=', '=', '==', '>=', '>', '!=', '^', '~', '~='])


@st.composite
def partials(draw, part):
    text = '.'.join(draw(st.lists(part, min_size=1, max_size=3)))
    if draw(st.integers(0, 3)) == 0:
        text += '-' + draw(tail)
    if draw(st.integers(0, 5)) == 0:
        text += '+' + draw(tail)
    return text


clauses = st.tuples(ops, partials(wild)).map(''.join)
constraints = st.one_of(st.lists(clauses, min_size=1, max_size=3).map(','.join),
                        st.text(alphabet='<>=!^~*.-+,019a', max_size=12))
versions = st.one_of(partials(number), partials(number), st.text(alphabet='.-+019a', max_size=8))


def semver(text):
    if re.fullmatch(r'(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?', text):
        text += '.0' * (2 - text.count('.'))
    try:
        return semantic_version.Version(text)
    except ValueError:
        return None


def oracle(constraint, version, pre):
    """'1', '0', or the refusal; None where the class fails otherwise than by ValueError."""
    try:
        spec = semantic_version.SimpleSpec(constraint)
    except ValueError:
        spec = None
    if spec is None and re.match(r'[<>=^~]|!=', constraint):
        return 'refused'
    if not constraint or constraint == version:
        return '1'
    v = semver(version)
    if spec is None or v is None or (v.prerelease and not pre):
        return '0'
    return '1' if spec.match(v) else '0'


@pytest.fixture(scope='module')
def answer():
    program = BUILD / 'tests/test_version_range'

    def ask(cases):
        lines = ''.join('%s\t%s\t%d\n' % c for c in cases)
        done = subprocess.run([program, '--lines'], input=lines, capture_output=True, text=True, check=True)
        return ['refused' if line.startswith('Invalid simple') else line for line in done.stdout.splitlines()]
    return ask


def test_every_constraint_fits_what_the_class_says(answer):
    @hypothesis.seed(20261127)
    @hypothesis.settings(max_examples=ROUNDS, deadline=None, database=None)
    @hypothesis.given(st.lists(st.tuples(constraints, versions, st.booleans()), min_size=BATCH, max_size=BATCH))
    def check(cases):
        wrong = [(c, have) for c, have in zip(cases, answer(cases)) if have != oracle(*c)]
        assert wrong == []
    check()


def test_blanks_and_x_change_nothing(answer):
    @hypothesis.seed(20261128)
    @hypothesis.settings(max_examples=30, deadline=None, database=None)
    @hypothesis.given(st.lists(st.tuples(st.lists(st.tuples(ops, partials(wild)), min_size=1, max_size=3), versions, st.booleans()),
                               min_size=BATCH, max_size=BATCH))
    def check(cases):
        plain = [(','.join(o + p for o, p in spec), v, pre) for spec, v, pre in cases]
        loose = [(' , '.join(o + ' ' + p.replace('*', 'x') for o, p in spec), v, pre) for spec, v, pre in cases]
        kept = [i for i, (c, v, _) in enumerate(plain) if c != v and loose[i][0].strip() != v]
        have, want = answer([loose[i] for i in kept]), answer([plain[i] for i in kept])
        wrong = [(loose[i], plain[i]) for i, h, w in zip(kept, have, want) if h != w]
        assert wrong == []
    check()
