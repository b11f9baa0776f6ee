"""The pages about versions: aliases, history, comparison and lineage, without scripts, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_pages import CHROMIUM, HOSTILE, Site, assert_clean, open_site, page, server, write_student  # noqa: F401
from test_versions_lineage import LINEAGE

from gts.platform.pages.lineages import lineage_chart
from gts.platform.tokens import Scope
from gts.platform.versions_lineage import Node
from gts.registry.values import Revision

PATH = "/models/local/tickets"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from open_site(tmp_path / "home")


@pytest.fixture
def revisions(site: Site, tmp_path: Path) -> list[Revision]:
    """Two revisions of a student, the older first; the newer says where it comes from."""
    folder = write_student(tmp_path / "student")
    first = site.services.registry.publish("local", "tickets", folder, "first", "local")
    (folder / "lineage.json").write_text(json.dumps(LINEAGE))
    second = site.services.registry.publish("local", "tickets", folder, f"second {HOSTILE}", "local")
    return [first, second]


def seen(html: str) -> list[str]:
    return re.findall(r'name="seen" value="([^"]+)"', html)


def test_an_alias_is_promoted_and_rolled_back_by_forms(site: Site, revisions: list[Revision]) -> None:
    client, (first, second) = site.client(), revisions
    assert "No alias names a revision yet" in page(client, PATH)
    for revision, why in ((first, "the first"), (second, f"better {HOSTILE}")):
        data = {"alias": "production", "revision": revision.oid, "why": why, "seen": seen(page(client, PATH))}
        answer = client.post(f"{PATH}/promote", data=data)
        assert answer.status_code == 303 and answer.headers["location"] == f"{PATH}#versions"
    html = page(client, PATH)
    assert site.services.registry.resolve("local", "tickets", "production") == second
    assert "the first" in html and "&lt;script&gt;" in html and "promoted" in html
    assert f'name="expect" value="{second.oid}"' in html and "Roll back" in html
    late = client.post(
        f"{PATH}/promote",
        data={"alias": "production", "revision": first.oid, "seen": [f"production {first.oid}"]},
    )
    assert late.status_code == 409 and "has moved" in late.text
    assert_clean(late.text)
    back = client.post(f"{PATH}/rollback", data={"alias": "production", "expect": second.oid})
    assert back.status_code == 303
    assert site.services.registry.resolve("local", "tickets", "production") == first
    again = client.post(f"{PATH}/rollback", data={"alias": "production", "expect": second.oid})
    assert again.status_code == 409 and "has moved" in again.text
    html = page(client, PATH)
    assert "rolled back" in html and "Roll back" not in html, "there is nothing more to go back to"


def test_a_revision_is_retired_and_restored_by_forms(site: Site, revisions: list[Revision]) -> None:
    client, (first, second) = site.client(), revisions
    site.services.registry.alias("local", "tickets", "production", second.oid)
    html = page(client, PATH)
    assert "in use as production" in html
    html = page(client, f"{PATH}?revision={first.oid}")
    assert f"Why nobody should use {first.oid[:10]} any more" in html
    refused = client.post(f"{PATH}/retire", data={"revision": first.oid, "why": " "})
    assert refused.status_code == 422 and "There is no reason" in refused.text
    assert client.post(f"{PATH}/retire", data={"revision": first.oid, "why": HOSTILE}).status_code == 303
    html = page(client, f"{PATH}?revision={first.oid}")
    assert "This revision is retired" in html and "Let it be used again" in html
    assert f'<option value="{first.oid}"' not in html, "it cannot be promoted"
    refused = client.post(f"{PATH}/promote", data={"alias": "candidate", "revision": first.oid})
    assert refused.status_code == 409 and "was retired by" in refused.text
    assert client.post(f"{PATH}/restore", data={"revision": first.oid}).status_code == 303
    assert "This revision is retired" not in page(client, f"{PATH}?revision={first.oid}")
    unknown = client.post(f"{PATH}/retire", data={"revision": "nowhere", "why": "x"})
    assert unknown.status_code == 404 and "no revision" in unknown.text
    assert client.post("/models/local/none/retire", data={"revision": "main", "why": "x"}).status_code == 404


def test_who_may_only_read_changes_nothing(site: Site, revisions: list[Revision]) -> None:
    secret, _ = site.services.tokens.create("reader", scopes=frozenset({Scope.READ}))
    client = site.client()
    client.cookies.set("gts_token_8750", secret)
    for path, data in (
        ("promote", {"alias": "production", "revision": "main"}),
        ("rollback", {"alias": "production"}),
        ("retire", {"revision": "main", "why": "x"}),
        ("restore", {"revision": "main"}),
    ):
        assert client.post(f"{PATH}/{path}", data=data).status_code == 403
    other = site.client()
    other.headers["origin"] = "https://evil.example"
    assert other.post(f"{PATH}/promote", data={"alias": "a", "revision": "main"}).status_code == 403
    assert site.services.registry.promotions.history("local", "tickets") == ()
    assert page(client, PATH)


def test_two_revisions_are_compared_on_a_page(site: Site, revisions: list[Revision]) -> None:
    client, (first, second) = site.client(), revisions
    html = page(client, PATH)
    link = re.search(rf'href="({PATH}/compare\?from=[^"]+)"', html)
    assert link
    html = page(client, link[1].replace("&amp;", "&"))
    assert "What is known of both" in html and "No labelled rows were given" in html
    html = page(client, f"{PATH}/compare")
    assert "Two revisions side by side" in html and "What is known of both" not in html
    chosen = re.findall(r'<option value="(\w+)" selected', html)
    assert chosen == [first.oid, second.oid]
    rows = "text,label\ni was charged,billing\nwhere is my parcel,delivery\n"
    data = {"from": first.oid, "to": second.oid, "rows": rows}
    answer = client.post(f"{PATH}/compare", data=data)
    assert answer.status_code == 200
    assert_clean(answer.text)
    assert "0 answers flipped" in answer.text and "exact McNemar test" in answer.text
    assert "2 of your rows" in answer.text and "where is my parcel" in answer.text, "what was typed stays"
    wrong = client.post(f"{PATH}/compare", data={**data, "rows": f"text,label\n{HOSTILE},none\n"})
    assert wrong.status_code == 422 and "none" in wrong.text
    assert_clean(wrong.text)
    assert client.get(f"{PATH}/compare?from=nowhere&to=main").status_code == 404


def test_the_graph_shows_models_and_licences(site: Site, revisions: list[Revision]) -> None:
    html = page(site.client(), PATH)
    assert 'class="lineage"' in html and "acme/encoder" in html and "apache-2.0" in html
    assert "big (acme/big-8b)" in html and "60%" in html and "40 rows" in html
    assert f"gts reproduce local/tickets@{revisions[1].oid[:10]}" in html
    first = page(site.client(), f"{PATH}?revision={revisions[0].oid}")
    assert 'class="lineage"' not in first, "nothing is known of it"


def test_in_chinese(site: Site, revisions: list[Revision]) -> None:
    client, (first, second) = site.client(), revisions
    client.headers["accept-language"] = "zh"
    client.post(f"{PATH}/promote", data={"alias": "production", "revision": first.oid, "why": "x"})
    html = client.get(PATH).text
    for text in (
        "在用版本",
        "已发布",
        "发布一个版本",
        "停用一个版本",
        "来源",
        "组成部分与许可证",
        "基础模型",
        "40 条",
    ):
        assert text in html
    assert_clean(html)
    rows = "text,label\ni was charged,billing\n"
    html = client.post(f"{PATH}/compare", data={"from": first.oid, "to": second.oid, "rows": rows}).text
    for text in (
        "两个版本对比",
        "两者的准确率均为 100.0%",
        "偶然也可能如此",
        "0 个回答发生变化",
        "你的数据，共 1 条",
    ):
        assert text in html


def test_charts_keep_names_inside_and_escape_them() -> None:
    nodes = [
        Node("gold", "gold", rows=1),
        Node("base_model", "base_model", HOSTILE * 9),
        Node("student", "student"),
    ]
    chart = lineage_chart(nodes, [("gold", "student"), ("base_model", "student"), ("none", "student")])
    assert "<script>" not in chart and chart.count("<line") == 2 and "…" in chart
    assert lineage_chart(nodes[-1:], []) == ""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_in_a_real_browser(site: Site, revisions: list[Revision], server: str) -> None:  # noqa: F811
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        tab = browser.new_page(viewport={"width": 360, "height": 740}, java_script_enabled=False)
        tab.goto(f"{server}/?token={site.token}")
        tab.goto(f"{server}{PATH}")
        tab.get_by_text("Promote a revision").click()
        tab.get_by_label("Why optional").fill("ready")
        tab.get_by_role("button", name="Promote").click()
        expect(tab.get_by_role("cell", name="ready").first).to_be_visible()
        tab.get_by_role("link", name="Compare").click()
        expect(tab.get_by_role("heading", name="Two revisions side by side")).to_be_visible()
        browser.close()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        tab = browser.new_page(viewport={"width": 360, "height": 740})
        problems: list[str] = []
        tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        tab.goto(f"{server}/?token={site.token}")
        first, second = revisions
        for path in (PATH, f"{PATH}/compare?from={first.oid}&to={second.oid}"):
            tab.goto(f"{server}{path}")
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert tab.evaluate(wider) == 0, f"{path} scrolls sideways"
        assert problems == []
        browser.close()
