"""Settings: where values come from, and what is refused."""

import pytest

from gts.core.errors import InvalidInput
from gts.platform.doctor import settings_table
from gts.platform.settings import environment, fields, load_settings
from gts.platform.tokens import check_strength


def test_flags_win_over_variables_over_the_file_over_defaults(tmp_path):
    (tmp_path / "gts.toml").write_text(
        'port = 1\nhost = "127.0.0.2"\nworkers = 3\nallowed_hosts = ["a", "b"]\n'
    )
    environ = {"GTS_HOME": str(tmp_path), "GTS_PORT": "2", "GTS_HOST": "127.0.0.3", "GTS_LOG_LEVEL": ""}
    settings = load_settings({"port": 3, "host": None}, environ)
    assert (settings.port, settings.host, settings.workers, settings.log_level) == (3, "127.0.0.3", 3, "info")
    assert settings.allowed_hosts == ("a", "b")
    assert settings.sources == {
        "port": "flag",
        "data_dir": "GTS_HOME",
        "host": "GTS_HOST",
        "workers": "gts.toml",
        "allowed_hosts": "gts.toml",
    }
    assert settings.database == f"sqlite:///{tmp_path / 'gts.db'}"


@pytest.mark.parametrize(
    ("flags", "environ", "file", "said"),
    [
        ({"port": -1}, {}, "", "port"),
        ({}, {"GTS_PORT": "many"}, "", "GTS_PORT"),
        ({"compute": "cloud"}, {}, "", "compute"),
        ({}, {}, "ports = 1", "'ports'"),
        ({}, {}, "port = ", "TOML"),
    ],
)
def test_wrong_settings_say_where_they_came_from(tmp_path, flags, environ, file, said):
    (tmp_path / "gts.toml").write_text(file)
    with pytest.raises(InvalidInput, match=said):
        load_settings(flags, {"GTS_HOME": str(tmp_path), **environ})


def test_a_child_process_gets_the_same_settings_but_no_token(tmp_path):
    given = {
        "data_dir": tmp_path,
        "token": "x" * 40,
        "allowed_hosts": "a,b",
        "port": 7,
        "public_downloads": True,
    }
    settings = load_settings(given, {})
    variables = environment(settings)
    assert "GTS_TOKEN" not in variables and "x" * 40 not in str(variables)
    assert load_settings({}, variables) == settings.model_copy(
        update={"token": None, "sources": load_settings({}, variables).sources}
    )


def test_every_setting_has_a_meaning_and_secrets_are_not_shown(tmp_path):
    assert all(text.endswith(".") for _, _, text in fields())
    secrets = {
        "token": "s3cret" * 8,
        "database_url": "postgresql+psycopg://u:s3cret@h/d",
        "data_dir": tmp_path,
    }
    table = settings_table(load_settings(secrets, {}))
    names = {name for name, _, _ in fields()}
    assert {row["name"] for row in table} == names | {"models", "catalogue", "prompts"}
    assert "s3cret" not in str(table)


@pytest.mark.parametrize(
    "weak", ["", "short", "a" * 64, "0123456789abcdef" * 2 + " ", "é" * 40, "gts_" + "a1b2c3d4e5" * 5]
)
def test_weak_tokens_are_refused(weak):
    with pytest.raises(InvalidInput):
        check_strength(weak)


def test_a_strong_token_is_taken():
    check_strength("jYh3n6a_Zk0Q-b7cXw1PqR5tVu8sLm2E")
