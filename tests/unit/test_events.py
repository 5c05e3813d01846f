"""Events: what goes over the wire for each."""

from __future__ import annotations

import json

from attention_moa.codec import event_to_json
from tests.worlds import World, a_spec


def test_every_event_names_its_kind_its_run_and_its_time() -> None:
    """Under ``event``, ``run_id`` and ``at_s``: a reader in any language can tell them apart."""
    world = World(a_spec(2))
    world.run()
    for event in world.events:
        fields = json.loads(event_to_json(event))
        assert fields["run_id"] == "run"
        assert fields["at_s"] >= 0
        assert fields["event"].replace("_", "") in (type(event).__name__.lower(), "verdict")
