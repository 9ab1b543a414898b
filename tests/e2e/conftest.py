"""The bench on which Floe is tested from outside: real hubs, real git, simulated machines.

A hub is a floe-server process on a folder of its own with its embedded PostgreSQL. `hub` is shared by the tests of
one file (they use owners of their own); `fresh_hub` belongs to one test. FLOE_BUILD names the build folder whose
programs are tested (default build/release).
"""

import signal

import pytest

# Whoever starts the tests in the background may have these ignored, and what they start would inherit that.
for _sig in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_sig) == signal.SIG_IGN:
        signal.signal(_sig, signal.default_int_handler if _sig == signal.SIGINT else signal.SIG_DFL)

pytest.register_assert_rewrite("bench")

import bench  # noqa: E402


# Files are shared out in this order, so that the longest do not begin when the others are done.
LONGEST = ("test_rest_contract", "test_client_crash", "test_activate_shells", "test_faults", "test_activate_leave",
           "test_client_between", "test_rest_isolation", "test_git", "test_catalog_import", "test_install", "test_catalog_upstream",
           "test_catalog_properties", "test_version_range")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def workshop():
    with bench.Workshop() as w:
        yield w


@pytest.fixture(scope="module")
def hub(workshop):
    with bench.Hub(workshop) as h:
        yield h


@pytest.fixture
def fresh_hub(workshop):
    with bench.Hub(workshop) as h:
        yield h


@pytest.fixture
def new_hub(workshop):
    """Makes hubs with settings of the test's own: new_hub("--max-connections", "50", start=False)."""
    made = []

    def make(*args, **kwargs):
        h = bench.Hub(workshop, *args, **kwargs)
        made.append(h)
        return h.__enter__()

    yield make
    for h in reversed(made):
        h.__exit__(None, None, None)


@pytest.fixture
def machine(workshop):
    """A simulated machine: a home folder and the programs. machine("laptop")."""
    return lambda name="laptop": bench.Machine(workshop, name)


@pytest.fixture
def owner(hub):
    """A user of this test's own, with a token that may write."""
    return hub.new_user()
