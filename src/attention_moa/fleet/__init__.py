"""The simulated fleet: an OpenAI-compatible server on loopback that pretends to be several models.

async with Fleet(load_fleet()) as fleet:
    ...  # fleet.base_url, fleet.log, fleet.stats
"""

from __future__ import annotations

from attention_moa.fleet.files import fleet_text, load_fleet, parse_fleet
from attention_moa.fleet.log import Visit, VisitLog
from attention_moa.fleet.server import Fleet
from attention_moa.fleet.snippet import render_ensemble
from attention_moa.fleet.spec import COMMON_FAULTS, FAULTS, Fault, FaultSpec, FleetSpec, ModelSpec
from attention_moa.fleet.stats import ModelStats
from attention_moa.fleet.texts import FAULTYTEXT

__all__ = [
    "COMMON_FAULTS",
    "FAULTS",
    "FAULTYTEXT",
    "Fault",
    "FaultSpec",
    "Fleet",
    "FleetSpec",
    "ModelSpec",
    "ModelStats",
    "Visit",
    "VisitLog",
    "fleet_text",
    "load_fleet",
    "parse_fleet",
    "render_ensemble",
]
