"""Versions over REST, the Python client and the command line: promote, roll back, retire, history."""

import pytest
from test_client import Bridge

from gts.core.errors import Conflict, InvalidInput, NotFound
from gts.platform.cli import run
from gts.platform.client import Client
from gts.platform.tokens import Scope

MODEL = "local/tickets"
URL = "/api/v1/models/local/tickets"


@pytest.fixture
def second(services, published, tmp_path):
    """Another revision of the tiny student."""
    (tmp_path / "student" / "README.md").write_text("# another revision")
    return services.registry.publish("local", "tickets", tmp_path / "student", "second", author="local")


@pytest.fixture
def connect(http, token, monkeypatch):
    """Makes clients of the application; commands connect to it, too."""

    def connect(*options):
        return Client("http://testserver", token, transport=Bridge(http))

    for module in ("versions", "comparing", "lineages", "reproducing"):
        monkeypatch.setattr(f"gts.platform.cli.{module}.connect", connect)
    return connect


@pytest.fixture
def client(connect):
    with connect() as client:
        yield client


@pytest.fixture
def gts(connect, capfd):
    """Runs a command against the application; returns exit code, standard output, standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_an_alias_is_promoted_and_rolled_back_with_its_history(http, published, second):
    body = {"alias": "production", "revision": published.oid, "why": "the first", "expect": "none"}
    first = http.post(f"{URL}/promotions", json=body).json()
    assert (first["kind"], first["by"], first["old"], first["new"]) == (
        "promote",
        "test",
        None,
        published.oid,
    )
    body = {"alias": "production", "revision": "main", "why": "fewer mistakes", "expect": published.oid[:7]}
    assert http.post(f"{URL}/promotions", json=body).json()["new"] == second.oid
    predicted = http.post(f"{URL}/predict", json={"texts": ["parcel"], "revision": "production"}).json()
    assert predicted["commit"] == second.oid
    late = http.post(f"{URL}/promotions", json=body)
    assert late.status_code == 409 and late.json()["error"]["details"]["current"] == second.oid
    back = http.post(f"{URL}/rollbacks", json={"alias": "production", "why": "slow", "expect": second.oid})
    assert (back.json()["kind"], back.json()["new"]) == ("rollback", published.oid)
    again = http.post(f"{URL}/rollbacks", json={"alias": "production", "expect": second.oid})
    assert again.status_code == 409, "the same request again does not go back twice"
    page = http.get(f"{URL}/history?limit=2").json()
    assert [row["why"] for row in page["promotions"]] == ["slow", "fewer mistakes"]
    rest = http.get(f"{URL}/history", params={"before": page["next_before"]}).json()
    assert [row["why"] for row in rest["promotions"]] == ["the first"] and rest["next_before"] is None
    assert http.get(f"{URL}/history?alias=candidate").json()["promotions"] == []


def test_the_older_routes_leave_rows_too(http, published, second):
    assert (
        http.put(f"{URL}/aliases/live", json={"revision": "main", "why": "go"}).json()["commit"] == second.oid
    )
    assert (
        http.put(f"{URL}/aliases/live", json={"revision": "main", "expect": published.oid}).status_code == 409
    )
    assert http.delete(f"{URL}/aliases/live?expect={published.oid}").status_code == 409
    assert http.delete(f"{URL}/aliases/live?why=over").status_code == 204
    found = http.get(f"{URL}/history").json()["promotions"]
    assert [(row["kind"], row["alias"], row["why"]) for row in found] == [
        ("remove", "live", "over"),
        ("promote", "live", "go"),
    ]


def test_a_retired_revision_is_shown_and_downloaded_but_not_promoted(http, published, second):
    http.put(f"{URL}/aliases/production", json={"revision": "main"})
    refused = http.post(f"{URL}/retirements", json={"revision": "production", "why": "wrong"})
    assert refused.status_code == 409 and refused.json()["error"]["details"]["aliases"] == ["production"]
    assert http.post(f"{URL}/retirements", json={"revision": published.oid, "why": ""}).status_code == 422
    done = http.post(f"{URL}/retirements", json={"revision": published.oid, "why": "it leaks names"})
    assert done.json()["old"] == published.oid
    model = http.get(URL).json()
    assert [item["retired"] for item in model["history"]] == [None, "it leaks names"]
    assert [row["old"] for row in http.get(f"{URL}/retirements").json()["retired"]] == [published.oid]
    refused = http.post(f"{URL}/promotions", json={"alias": "production", "revision": published.oid})
    assert refused.status_code == 409 and "it leaks names" in refused.json()["error"]["message"]
    assert http.post(f"{URL}/rollbacks", json={"alias": "production"}).status_code == 409
    assert http.get(f"/{MODEL}/resolve/{published.oid}/gts.json").status_code == 200
    asked = http.post(f"{URL}/predict", json={"texts": ["parcel"], "revision": published.oid})
    assert asked.json()["commit"] == published.oid
    assert http.delete(f"{URL}/retirements/{published.oid}?why=fine").json()["kind"] == "restore"
    assert http.delete(f"{URL}/retirements/{published.oid}").status_code == 404
    assert http.post(f"{URL}/promotions", json={"alias": "old", "revision": published.oid}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", f"{URL}/promotions", {"alias": "production", "revision": "nowhere"}, 404),
        ("POST", f"{URL}/promotions", {"alias": "../x", "revision": "main"}, 422),
        ("POST", f"{URL}/promotions", {"alias": "main", "revision": "main"}, 409),
        ("POST", f"{URL}/promotions", {"alias": "a", "revision": "main", "by": "eve"}, 422),
        ("POST", f"{URL}/promotions", {"alias": "a", "revision": "main", "expect": "main"}, 422),
        ("POST", f"{URL}/promotions", {"alias": "a", "revision": "main", "why": "x" * 1001}, 422),
        ("POST", f"{URL}/rollbacks", {"alias": "production"}, 404),
        ("POST", f"{URL}/retirements", {"revision": "\0", "why": "x"}, 404),
        ("POST", "/api/v1/models/local/none/promotions", {"alias": "a", "revision": "main"}, 404),
        ("GET", "/api/v1/models/local/none/history", None, 404),
        ("GET", f"{URL}/history?before=-1", None, 422),
        ("PATCH", f"{URL}/history", {}, 405),
        ("DELETE", f"{URL}/history", None, 405),
        ("PUT", f"{URL}/promotions", {}, 405),
    ],
)
def test_what_is_refused(http, published, method, path, body, status):
    assert http.request(method, path, json=body).status_code == status
    assert http.get(f"{URL}/history").json()["promotions"] == []


def test_a_token_that_may_read_changes_nothing(services, anonymous, published):
    secret, _ = services.tokens.create("t", scopes=frozenset({Scope.READ, Scope.INFER}))
    headers = {"Authorization": f"Bearer {secret}"}
    for method, path, body in (
        ("POST", "promotions", {"alias": "a", "revision": "main"}),
        ("POST", "rollbacks", {"alias": "a"}),
        ("POST", "retirements", {"revision": "main", "why": "x"}),
        ("DELETE", "retirements/main", None),
        ("PUT", "aliases/a", {"revision": "main"}),
    ):
        assert anonymous.request(method, f"{URL}/{path}", json=body, headers=headers).status_code == 403
        assert anonymous.request(method, f"{URL}/{path}", json=body).status_code == 401
    assert anonymous.get(f"{URL}/history", headers=headers).json()["promotions"] == []


def test_the_client_does_it_all(client, published, second):
    client.promote(MODEL, published.oid, "production", why="first")
    client.promote(MODEL, "main", "production", expect=published.oid)
    with pytest.raises(Conflict, match="has moved"):
        client.promote(MODEL, published.oid, "production", expect="none")
    assert client.roll_back(MODEL, "production")["new"] == published.oid
    with pytest.raises(Conflict, match="production names it"):
        client.retire(MODEL, "production", why="x")
    client.retire(MODEL, second.oid, why="wrong labels")
    with pytest.raises(InvalidInput):
        client.retire(MODEL, second.oid, why="")
    assert client.restore(MODEL, second.oid)["kind"] == "restore"
    with pytest.raises(NotFound):
        client.roll_back(MODEL, "never")
    kinds = [row["kind"] for row in client.history(MODEL)]
    assert kinds == ["restore", "retire", "rollback", "promote", "promote"]
    assert len(list(client.history(MODEL, alias="production", limit=2))) == 2


def test_the_history_is_read_over_pages(client, services, published, second, monkeypatch):
    monkeypatch.setattr("gts.platform.client_versions._PAGE", 2)
    for number in range(5):
        services.registry.alias("local", "tickets", "production", (published, second)[number % 2].oid)
    assert len(list(client.history(MODEL))) == 5


def test_the_commands(gts, published, second):
    code, out, _ = gts("promote", MODEL, published.oid, "production", "--why", "first")
    assert (code, out) == (0, f"{MODEL}: production is {published.oid[:12]}\n")
    code, out, _ = gts("promote", MODEL, "main", "production", "--expect", published.oid)
    assert out == f"{MODEL}: production is {second.oid[:12]}, it was {published.oid[:12]}\n"
    code, _, err = gts("promote", MODEL, "main", "production", "--expect", published.oid)
    assert code == 1 and "has moved" in err
    code, out, _ = gts("rollback", MODEL, "production", "--why", "slow", "--json")
    assert code == 0 and f'"new": "{published.oid}"' in out
    assert gts("retire", MODEL, second.oid)[0] == 2
    assert "is retired" in gts("retire", MODEL, second.oid, "--why", "wrong")[1]
    assert "in use again" in gts("retire", MODEL, second.oid, "--undo")[1]
    code, out, _ = gts("history", MODEL, "--alias", "production")
    assert code == 0 and "rollback" in out and "slow" in out and "retire" not in out
    code, out, _ = gts("history", MODEL, "--json")
    assert code == 0 and out.count('"number"') == 5
