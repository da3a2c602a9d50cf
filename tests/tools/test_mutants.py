"""Every mutant's text is in the file that it changes; tests/end_to_end/test_soaks.py runs two."""

from collections import Counter

import mutation_check
from mutation_check import MUTANTS, ROOT


def test_every_mutant_changes_one_place_and_names_a_file_of_tests():
    assert len(MUTANTS) > 70
    for file, old, new, tests in MUTANTS:
        text = (ROOT / "paddle_aug" / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file}: {old!r}"
        assert new != old
        assert (ROOT / "tests" / f"{tests}.py").is_file(), tests


def test_no_mutant_is_listed_twice():
    assert [mutant for mutant, count in Counter(MUTANTS).items() if count > 1] == []
    assert all((ROOT / name).exists() for name in mutation_check.COPIED)
