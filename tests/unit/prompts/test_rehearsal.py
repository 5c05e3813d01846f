"""A template's fault shows before a call is paid."""

from __future__ import annotations

import pytest

from attention_moa.config import AttentionSpec
from attention_moa.errors import ConfigError
from attention_moa.prompts import load_templates, rehearse
from attention_moa.prompts.templates import NAMES, Templates
from tests.worlds import LAYOUTS, a_spec


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_our_templates_render_in_every_layout(layout: str, labels: bool) -> None:
    """Nothing of what ships can fail in mid-run."""
    rehearse(a_spec(3, layout=layout, attention=AttentionSpec(labels=labels)), load_templates())


@pytest.mark.parametrize("name", NAMES)
def test_a_faulty_template_is_found_whatever_its_stage(name: str) -> None:
    """Every template is tried."""
    sources = dict(load_templates().sources) | {name: "{{ no_such_value }}"}
    with pytest.raises(ConfigError, match=rf"{name}\.md: 'no_such_value' is undefined"):
        rehearse(a_spec(1), Templates(sources))
