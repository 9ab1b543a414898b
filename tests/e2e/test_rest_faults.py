"""Generations made by REST while the hub is killed: what was acknowledged stays, and nothing is half there."""

import json
import random
import shutil
import threading
import time

import bench
from test_faults import ROUNDS, tip_of
from test_rest import call

BARE = 'schema-version = "1.15.0"\n'


class Maker(threading.Thread):
    """Makes one generation after the other, each with a key, and remembers what was acknowledged."""

    def __init__(self, hub, owner, made, key):
        super().__init__()
        self.hub, self.owner, self.made, self.key = hub, owner, made, key
        self.stop, self.lost = threading.Event(), None

    def request(self, n):
        return call(self.hub, "POST", f"/environments/{self.owner.handle}/web/generations", self.owner.token,
                    {"manifest": f"{BARE}# {n}\n"}, Idempotency_Key=f"{self.key}-{n}")

    def run(self):
        n = 1
        while not self.stop.is_set():
            self.lost = n
            try:
                answer = self.request(n)
            except OSError:
                return
            assert answer.status in (201, 503), answer.text
            if answer.status == 503:  # the key makes it safe to ask again
                time.sleep(0.05)
                continue
            self.made.append(answer.json)
            self.lost = None
            n += 1


def test_killing_the_hub_at_random_instants_loses_no_acknowledged_generation(fresh_hub, machine):
    hub, m = fresh_hub, machine()
    owner = hub.new_user()
    made = [call(hub, "POST", "/environments", owner.token, {"owner": owner.handle, "name": "web", "manifest": BARE}).json]
    rng = random.Random(11)
    for round_ in range(ROUNDS):
        maker = Maker(hub, owner, made, round_)
        maker.start()
        time.sleep(rng.uniform(0.02, 0.4))
        hub.kill()
        maker.stop.set()
        maker.join()
        hub.start()
        before = len(made)
        if maker.lost is not None:  # its answer was lost; the key says whether it was made
            again = maker.request(maker.lost)
            assert again.status == 201, again.text
            made.append(again.json)
            once_more = maker.request(maker.lost)
            assert once_more.json == again.json and once_more.headers["Idempotency-Replayed"] == "true"
        assert [g["generations"] for g in made] == list(range(1, len(made) + 1)), (round_, before)
        assert tip_of(m, hub, owner, "web") == made[-1]["tip"]
        into = m.work / f"check{round_}.git"
        m.clone(hub, owner.handle, "web", into, owner.token, check=True)
        m.git("-C", into, "fsck", "--strict", check=True)
        assert m.git("-C", into, "rev-list", "--count", "web", check=True).stdout.strip() == str(len(made) + 1)
        assert json.loads(m.git("-C", into, "show", "web:metadata.json", check=True).stdout)["total_generations"] == len(made)
        shutil.rmtree(into)
    assert len(made) > ROUNDS
    hub.admin("fsck", "--deep")


def test_a_database_that_dies_in_the_middle_loses_no_acknowledged_generation(fresh_hub, machine):
    hub, m = fresh_hub, machine()
    owner = hub.new_user()
    made = [call(hub, "POST", "/environments", owner.token, {"owner": owner.handle, "name": "web", "manifest": BARE}).json]
    rng = random.Random(13)
    for round_ in range(max(3, ROUNDS // 4)):
        maker = Maker(hub, owner, made, round_)
        maker.start()
        time.sleep(rng.uniform(0.05, 0.4))
        killed = hub.kill_postgres()
        time.sleep(0.5)
        maker.stop.set()
        bench.wait_for(lambda: hub.postgres_pid() not in (None, killed), 60)
        hub.wait_ready(60)
        maker.join()
        if maker.lost is not None:
            made.append(maker.request(maker.lost).json)
        env = call(hub, "GET", f"/environments/{owner.handle}/web").json
        assert env["tip"] == made[-1]["tip"] == tip_of(m, hub, owner, "web")
        assert env["generations"] == len(made) == made[-1]["generations"]
    hub.admin("fsck", "--deep")
