"""Which language a text is in, as IFEval has it: by langdetect, which is asked with a fixed seed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol

from attention_moa.errors import ConfigError

# Without a seed the library draws: the same text can be in two languages.
_SEED = 0


class _Detector(Protocol):
    def append(self, text: str) -> None: ...

    def detect(self) -> str: ...


class _Factory(Protocol):
    seed: int | None

    def create(self) -> _Detector: ...

    def load_profile(self, profile_directory: str) -> None: ...


def language_of(text: str) -> str | None:
    """Return the code of a text's language (``en``, ``zh-cn``); None where nothing in it tells.

    The benchmark defines its instructions by this detector, mistakes included: it takes a lone ``YES`` for Welsh.

    Args:
        text: Of any length; the first 10,000 characters count.

    Raises:
        ConfigError: langdetect is not installed.
    """
    factory, undecided = _factory()
    detector = factory.create()
    try:
        detector.append(text)
        return detector.detect()
    except undecided:
        return None


@cache
def _factory() -> tuple[_Factory, type[Exception]]:
    """Return a factory of our own, with the profiles of all languages: the library's is shared by the process."""
    try:
        module = import_module("langdetect.detector_factory")
        undecided: type[Exception] = import_module("langdetect.lang_detect_exception").LangDetectException
    except ModuleNotFoundError as error:
        raise ConfigError("IFEval needs langdetect: pip install 'attention-moa[bench]'") from error
    factory: _Factory = module.DetectorFactory()
    factory.load_profile(module.PROFILES_DIRECTORY)
    factory.seed = _SEED
    return factory, undecided
