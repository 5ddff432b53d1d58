from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from hydra.errors import HydraException
from hypothesis import example, given
from hypothesis import strategies as st

from housing.config.parsed_override import _PLAIN, UnreadableOverride, parsed

_PIECES = st.sampled_from(
    [*"ab0179._-+=,/@$'\"", "eta", "true", "Null", "nan", "inf", "1e5", "hydra", "++", "0.5", "-3"]
)


@given(st.builds(lambda key, value: f"{key}={value}", *(st.lists(_PIECES, max_size=4).map("".join) for _ in range(2))))
@example("algorithm.eta=0.1")
@example("a.b=007")
@example("a=-0")
@example("a=1_000")
@example("a.0=x")
@example("a=é")
@example("~algorithm.eta")
@example("~seed=1")
@example("hydra.verbose=true")
@example("target@runner=ray")
@example("algorithm.eta=0.1,0.2")
@example("algorithm.eta=choice(0.1,0.2)")
@example("algorithm.eta=interval(0.1,0.2)")
@example("dataset=[a,'b']")
def test_a_token_says_here_what_it_says_to_hydra(token: str) -> None:
    try:
        override = OverridesParser.create().parse_override(token)
    except HydraException:
        with pytest.raises(UnreadableOverride):
            parsed(token)
        return
    found = parsed(token)
    value = override.value()
    assert repr(found.each) == repr(value.list if isinstance(value, ChoiceSweep) else [value])  # 1 == 1.0 == True
    assert (found.key, found.package) == (override.key_or_group, override.package)
    assert found.deletes is override.is_delete()
    assert found.is_hydras is override.is_hydra_override()
    assert (found.form != "value") is override.is_sweep_override()
    assert found.deletes or found.text == override.get_value_string()


@pytest.mark.parametrize("token", ["deployment=single", "algorithm.eta=0.1", "++seed=7", "a.b=null", "a=True"])
def test_what_most_people_type_needs_no_grammar(token: str) -> None:
    assert _PLAIN.fullmatch(token)
