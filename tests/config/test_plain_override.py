from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import example, given
from hypothesis import strategies as st

from housing.config.plain_override import plain_override

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
def test_a_token_says_to_the_quick_reader_what_it_says_to_hydra(token: str) -> None:
    plain = plain_override(token)
    if plain is None:
        return
    try:
        override = OverridesParser.create().parse_override(token)
    except HydraException:
        pytest.fail(f"Hydra refuses {token}")
    assert repr(override.value()) == repr(plain.value())  # 1, 1.0 and True are equal to each other
    assert override.get_value_string() == plain.get_value_string()
    assert (override.key_or_group, override.package) == (plain.key_or_group, None)
    assert not (override.is_delete() or override.is_hydra_override() or override.is_sweep_override())


@pytest.mark.parametrize("token", ["deployment=single", "algorithm.eta=0.1", "++seed=7", "a.b=null", "a=True"])
def test_what_most_people_type_needs_no_grammar(token: str) -> None:
    assert plain_override(token) is not None
