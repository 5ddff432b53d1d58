"""Recognises secrets, and masks them in all that is shown or recorded.

A secret is recognised by the name of its key, by its shape, or because it was seen under such a name before. Code that
uses a value never goes through here: servers, jobs and databases get the real one.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

MASK = "***"
"""Replaces a secret."""

# Words in names of keys. Under the first ones every value is a secret; under the others texts are, numbers are not.
_ALWAYS = {
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "pw",
    "secret",
    "secrets",
    "credential",
    "credentials",
}
_TEXTS = {"token", "signature", "sig", "authorization", "auth", "key"}
_GLUED = re.compile("password|passwd|secretkey|accesskey|apikey|authtoken")
# Names of keys of a table and of tokens of a language, which are no secrets.
_HARMLESS = re.compile(r"\b(kms|sort|primary|foreign|partition|group|by) key$|\b(pad|mask|unk|sep|eos) token$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLAIN = re.compile(r"true|false|null|none|~|\?\?\?|\*\*\*|<.*|\$\{[^{},]*\}|", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"[-+]?[\d._]+(e[-+]?\d+)?", re.IGNORECASE)

# Texts may be crafted to make a pattern slow: no pattern may restart inside of what it has already matched.
_EQUALS = re.compile(r"(?<![\w.@/-])(?P<name>[\w.@/-]++)[ \t]{0,9}=[ \t]{0,9}")
_COLON = re.compile(r"(?:[{,]\s{0,9}+|[\"'])(?P<name>[\w.-]++)(?:\\?[\"'])?\s{0,9}:\s{0,9}")
# In Azure's storage URLs, the container comes before the @.
_NO_CONTAINER = "(?<!abfs://)(?<!abfss://)(?<!wasb://)(?<!wasbs://)"
_QUOTED = r"""\\+"[^"\n]*"?|\\+'[^'\n]*'?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?"""
_AFTER_EQUALS = re.compile(rf"{_QUOTED}|[^\s&\"'\\=][^\s&\"'\\]*")
_AFTER_COLON = re.compile(rf"{_QUOTED}|[^\s,}}\]\"'\[{{]+")
_TOKENS = ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "sk-", "hf_", "AIza")
# Words of which a text must have one, which is found sooner than the pattern is not; what is replaced; by what.
_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # User info of a URL; the second, for a password that should have been percent-encoded and is not.
    (("://",), re.compile(rf'://{_NO_CONTAINER}[^\s/?#"]{{1,2000}}@'), f"://{MASK}@"),
    (("://",), re.compile(r'://[^\s/?#":@]{0,200}:(?!\d{1,5}[/?#])[^\s"@]{1,200}@'), f"://{MASK}@"),
    # The default of an environment variable that holds one.
    (
        ("${",),
        re.compile(
            r"(\$\{oc\.env:[^,}]{0,100}(?:PASS|SECRET|TOKEN|KEY|CREDENTIAL)[^,}]{0,100},)[^}]{1,500}", re.IGNORECASE
        ),
        rf"\1{MASK}",
    ),
    (("Bearer", "Basic"), re.compile(r"\b(Bearer|Basic)(\s)[A-Za-z0-9+/=._~-]{8,}"), rf"\1\2{MASK}"),
    # Keys of AWS, GitHub, GitLab, Slack, OpenAI, Hugging Face and Google; JSON Web Tokens; private keys.
    (("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (_TOKENS, re.compile(r"\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk-|hf_|AIza)[A-Za-z0-9_-]{20,}"), MASK),
    (("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*"), MASK),
    (
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_URL_CREDENTIALS = re.compile(r'(?<=://)(?P<user>[^\s/?#":@]*):?(?P<password>[^\s"]*)@')
_ENVIRONMENT = re.compile(r"oc\.env:\s*([^,}\s]+)")

# An ordinary word, or a shorter value, is masked only under its own key. Masking it in every text would make texts
# unreadable: people do choose "housing" as a password.
_FEWEST_CHARACTERS = 6
_LONGEST_REPEATED = 400
_ORDINARY = re.compile(r"[A-Za-z]?[a-z]+|\d+")


def is_secret(name: str) -> bool:
    """Whether the value of a key such as `runner.api_token` or `AWS_SECRET_ACCESS_KEY` is a secret."""
    return _weight(name) > 0


def masked(text: str) -> str:
    """A text without secrets; the same text where it holds none."""
    return (_masked if len(text) > _LONGEST_REPEATED else _masked_again)(text, _known.pattern)


def _masked(text: str, known: re.Pattern[str] | None) -> str:
    text = known.sub(MASK, text) if known else text
    for words, shape, instead in _SHAPES:
        if any(word in text for word in words):
            text = shape.sub(instead, text)
    text = _AWS_SECRET.sub(lambda found: MASK if _looks_random(found[0]) else found[0], text)
    text = _without_named(text, _EQUALS, _AFTER_EQUALS)
    return _without_named(text, _COLON, _AFTER_COLON)


# The same short texts of a configuration recur in a run's tags, parameters, files and messages.
_masked_again = lru_cache(4096)(_masked)


def masked_values(value: Any, name: str = "") -> Any:
    """A plain value without secrets, also in nested mappings and lists; `name` is its dotted key."""
    if isinstance(value, Mapping):
        return {
            masked(key) if isinstance(key, str) else key: masked_values(item, _below(name, key))
            for key, item in value.items()
        }
    if isinstance(value, str):
        return MASK if _stands_as_secret(name, value) else masked(value)
    if isinstance(value, list | tuple):
        return type(value)([masked_values(item, name) for item in value])
    if isinstance(value, int | float) and not isinstance(value, bool) and _weight(name) > 1:
        return MASK
    return value


def masked_override(override: str) -> str:
    """An override `key=value` without secrets, whatever characters the value contains."""
    key, equals, value = override.partition("=")
    return f"{masked(key)}={MASK}" if equals and _stands_as_secret(key, value) else masked(override)


def unmasked(overrides: Iterable[str]) -> list[str]:
    """Recorded overrides without those that were masked; for them the current configuration applies."""
    return [override for override in overrides if MASK not in override]


def remember(value: Any, name: str = "") -> None:
    """Remember the secrets among plain values, so that they are masked wherever they turn up in a text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            remember(item, _below(name, key))
    elif isinstance(value, list | tuple):
        for item in value:
            remember(item, name)
    elif isinstance(value, str):
        if _stands_as_secret(name, value):
            _known.add(value)
        for found in _URL_CREDENTIALS.finditer(value[:10_000]):
            _known.add(found["password"] or found["user"])
        for variable in _ENVIRONMENT.findall(value[:10_000]):
            if is_secret(variable) or is_secret(name):
                _known.add(os.environ.get(variable, ""))


def remember_override(override: str) -> None:
    """As `remember`, for an override `key=value`."""
    key, _, value = override.partition("=")
    remember(value.strip("'\""), key.lstrip("+~-"))


class _Known:
    """Secrets that this process has seen; none is ever removed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        if len(value) < _FEWEST_CHARACTERS or _ORDINARY.fullmatch(value) or value in self._values:
            return
        with self._lock:
            self._values |= {value, unquote(value), quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]}
            longest_first = sorted(filter(None, self._values), key=len, reverse=True)
            self.pattern = re.compile("|".join(map(re.escape, longest_first)))


_known = _Known()


@lru_cache(maxsize=4096)
def _weight(name: str) -> int:
    """0: no value under this name is a secret; 1: texts are, numbers are not; 2: every value is."""
    *above, last = re.split(r"[./@]", name) or [""]
    words = [word.lower() for word in _WORDS.findall(last)]
    if _ALWAYS.intersection(words) or any(part.lower() in _ALWAYS for part in above):
        return 2
    if _GLUED.search("".join(words)):
        return 2
    named = bool(words) and (words[-1] in _TEXTS or "token" in words[-2:]) and not _HARMLESS.search(" ".join(words))
    return 1 if named else 0


def _below(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)


def _stands_as_secret(name: str, value: str) -> bool:
    weight = _weight(name)
    bare = value.strip().strip("\\'\"")
    return weight > 0 and not _PLAIN.fullmatch(bare) and (weight > 1 or not _NUMBER.fullmatch(bare))


def _without_named(text: str, named: re.Pattern[str], valued: re.Pattern[str]) -> str:
    pieces: list[str] = []
    at = 0
    for found in named.finditer(text):
        if found.start() < at or not is_secret(found["name"]):
            continue
        value = valued.match(text, found.end())
        if value and _stands_as_secret(found["name"], value[0]):
            # The quotes stay, so that JSON stays valid.
            mark = re.match(r"\\*[\"']", value[0])
            pieces += [text[at : value.start()], f"{mark[0]}{MASK}{mark[0]}" if mark else MASK]
            at = value.end()
    return "".join((*pieces, text[at:]))


def _looks_random(text: str) -> bool:
    """Whether it mixes upper case, lower case and digits, as a key does; hexadecimal digests and paths do not."""
    counts = [sum(map(kind, text)) for kind in (str.isupper, str.islower, str.isdigit)]
    return min(counts) >= 1 and counts[0] >= 5 and text.count("/") <= 4
