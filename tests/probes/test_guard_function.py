"""A trigger's function is believed to refuse when nothing can leave it before it raises."""

import pytest

from readiness.systems.audit.guard_function import CHANGES, refused

RAISED = "RAISE EXCEPTION '% of events; refused', TG_OP USING ERRCODE = 'insufficient_privilege';"


@pytest.mark.parametrize(
    "body",
    [
        f"\nBEGIN\n    {RAISED}\nEND\n",
        "begin raise 'no'; end;",
        "BEGIN RAISE insufficient_privilege; RETURN NULL; END;",
        "BEGIN RAISE SQLSTATE '42501'; END",
        "BEGIN RAISE EXCEPTION $said$no; RETURN OLD$said$; END",
        f"-- it's the auditor's; IF\n/* never */ DECLARE who text := 'x;y'; BEGIN {RAISED} END",
        f"BEGIN PERFORM pg_notify('tried', TG_OP); RAISE WARNING 'tried'; {RAISED} END",
        f"BEGIN IF TG_OP = 'UPDATE' THEN {RAISED} ELSE RAISE 'gone?'; END IF; END",
        f"BEGIN IF TG_OP = 'DELETE' THEN RAISE 'gone?'; END IF; {RAISED} END",
        f"BEGIN IF TG_OP IN ('UPDATE', 'DELETE', 'TRUNCATE') THEN {RAISED} END IF; RETURN NEW; END",
    ],
)
def test_a_function_that_only_raises_refuses(body: str) -> None:
    """However it is written, with words before that can't return."""
    assert refused("plpgsql", body) == CHANGES


@pytest.mark.parametrize(
    "body",
    [
        "",
        "BEGIN RETURN NULL; END",
        "BEGIN RAISE NOTICE 'changed'; RETURN OLD; END",
        "BEGIN RAISE\nwarning 'no'; END",
        f"BEGIN IF current_setting('a.b', true) = '1' THEN RETURN OLD; END IF; {RAISED} END",
        f"BEGIN IF current_user <> 'purge' THEN {RAISED} END IF; RETURN OLD; END",
        f"BEGIN {RAISED} EXCEPTION WHEN raise_exception THEN RETURN OLD; END",
        f"BEGIN BEGIN {RAISED} EXCEPTION WHEN OTHERS THEN NULL; END; RETURN OLD; END",
        f"BEGIN RETURN OLD; {RAISED} END",
        f"BEGIN IF TG_OP = 'UPDATE' AND old.at < now() THEN {RAISED} END IF; RETURN OLD; END",
        f"BEGIN IF TG_OP = 'UPDATE' THEN IF old.at < now() THEN {RAISED} END IF; END IF; END",
        f"BEGIN IF TG_OP = 'INSERT' THEN {RAISED} END IF; RETURN OLD; END",
        f"BEGIN IF TG_OP <> 'UPDATE' THEN {RAISED} END IF; RETURN OLD; END",
        f"BEGIN -- {RAISED}\nRETURN OLD; END",
        "BEGIN PERFORM 'BEGIN RAISE; END'; RETURN OLD; END",
        f"/* /* */ BEGIN {RAISED} END */ BEGIN RETURN OLD; END",
        f"DECLARE n int; BEGIN RETURN OLD; END; BEGIN {RAISED} END",
    ],
)
def test_a_function_that_may_return_is_not_believed(body: str) -> None:
    """A condition, a handler, a message that is no error, words that stand in a comment."""
    assert not refused("plpgsql", body)


def test_a_function_may_refuse_some_kinds_of_change() -> None:
    """Those that its conditions name, and they name nothing else."""
    body = f"BEGIN IF (TG_OP = 'UPDATE') THEN {RAISED} ELSIF TG_OP = 'DELETE' THEN {RAISED} END IF;"
    assert refused("plpgsql", f"{body} RETURN NULL; END") == {"UPDATE", "DELETE"}


@pytest.mark.parametrize("language", ["plperlu", "c", "internal"])
def test_another_language_is_not_read(language: str) -> None:
    """Nobody knows what it does."""
    assert not refused(language, f"BEGIN {RAISED} END")
