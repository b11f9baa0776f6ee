"""Examples made by hand on the page of a new task: spans, relations, events and pairs, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from gts.core.database import Base, Database
from gts.platform.app import build_services, create_app
from gts.platform.pages.forms import read_form
from gts.platform.settings import Settings
from gts.platform.uploads import Upload

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
OPTIONS += ["--disable-background-networking", "--disable-component-update"]
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A running platform: its address and a token. No test sends more than drafts."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("home"), port=8750)
    database = Database(settings.database)
    Base.metadata.create_all(database.engine)
    services = build_services(settings, database)
    app = create_app(services)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", services.tokens.create_startup("here")
        app.state.stopping = True
        server.should_exit = True
        thread.join()
    services.students.close()
    database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of these tests; what it remembers ends with each test's pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def tab(site: tuple[str, str], browser: Browser) -> Iterator[Page]:
    """The page of a new task; nothing may be said on its console."""
    url, token = site
    said: list[str] = []
    with browser.new_page(viewport={"width": 1000, "height": 1100}, locale="en-GB") as page:
        page.set_default_timeout(20_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{url}/?token={token}")
        page.goto(f"{url}/new")
        yield page
    assert [line for line in said if "422" not in line] == []


def begin(tab: Page, task_type: str, texts: str, **types: str) -> None:
    """Choose a type, paste texts and name the types of spans and links, with a space between."""
    tab.locator("#name").fill("by-hand")
    tab.locator("#type").select_option(task_type)
    tab.locator("#marking-paste").fill(texts)
    tab.locator("#marking [data-do=add]").click()
    for kind, names in types.items():
        for name in names.split():
            tab.locator(f"#new-{kind}-type").fill(name)
            tab.keyboard.press("Enter")
    tab.locator("#marking [data-slot=text]").focus()


def press(tab: Page, keys: str) -> None:
    for key in keys.split():
        tab.keyboard.press(key)


def drag(tab: Page, words: str) -> None:
    """Drag the mouse over words of the text."""
    found = tab.evaluate(
        """(words) => {
          const box = document.querySelector("#marking [data-slot=text]");
          const at = box.textContent.indexOf(words);
          const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
          const place = (offset, isEnd) => {
            walker.currentNode = box;
            let node;
            while ((node = walker.nextNode())) {
              if (offset < node.length || (isEnd && offset === node.length)) return [node, offset];
              offset -= node.length;
            }
          };
          const range = document.createRange();
          range.setStart(...place(at, false));
          range.setEnd(...place(at + words.length, true));
          box.scrollIntoView({ block: "center" });
          const { left, right, top, bottom } = range.getBoundingClientRect();
          return { left, right, middle: (top + bottom) / 2 };
        }""",
        words,
    )
    tab.mouse.move(found["left"] + 1, found["middle"])
    tab.mouse.down()
    tab.mouse.move(found["right"] - 1, found["middle"], steps=4)
    tab.mouse.up()


def rows(tab: Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tab.locator("#examples").input_value().splitlines()]


def surfaces(row: dict[str, Any], spans: str = "entities") -> list[tuple[str, str]]:
    """The words that a row marks, cut out as the server does, with their types."""
    return [(row["text"][span["start"] : span["end"]], span["type"]) for span in row[spans]]


def check(tab: Page) -> str:
    """Send the form, and read what was understood."""
    tab.locator("form[data-once] button.primary").click()
    tab.wait_for_url(re.compile("/new/[0-9a-f]{64}$"))
    return tab.locator("main").inner_text()


@in_browser
def test_spans_marked_with_the_mouse(tab: Page) -> None:
    texts = "😀👩‍🚀 Ada Lovelace joined ACM\nGrace left 𠮷野家 for ACM\nnobody yet"
    begin(tab, "ner", texts, span="person firm")
    drag(tab, "Ada Lovelace ")
    tab.get_by_role("button", name="person").first.click()
    drag(tab, "ACM")
    tab.keyboard.press("2")
    tab.locator("#marking [data-do=next]").click()
    drag(tab, "Grace")
    tab.keyboard.press("1")
    drag(tab, "𠮷野")
    tab.keyboard.press("2")
    assert [surfaces(row) for row in rows(tab)[:2]] == [
        [("Ada Lovelace", "person"), ("ACM", "firm")],
        [("Grace", "person"), ("𠮷野", "firm")],
    ]
    assert rows(tab)[2] == {"text": "nobody yet"}
    said = check(tab)
    assert "1 row among the examples without marks" in said
    assert re.search(r"person.*?2.*firm.*?2", said, re.DOTALL)
    assert tab.locator("mark", has_text="Ada Lovelace").count() == 1


@in_browser
def test_spans_marked_with_the_keyboard_alone(tab: Page) -> None:
    begin(tab, "ner", "The Bank of China opened\n我在北京大学读书，也在北京")
    press(tab, "ArrowRight 1")
    assert "entities" not in rows(tab)[0], "there is no type yet"
    tab.locator("#labels").fill("firm: a company or university\nplace")
    tab.locator("#marking [data-slot=text]").focus()
    press(tab, "ArrowRight ArrowRight Shift+ArrowRight Shift+ArrowRight 1")
    press(tab, "ArrowRight ArrowLeft 2 End Shift+ArrowLeft Shift+ArrowRight")
    assert surfaces(rows(tab)[0]) == [("Bank of China", "firm"), ("China", "place")], "one inside the other"
    assert tab.locator("#marking mark mark").inner_text() == "China"
    press(tab, "n Home ArrowRight ArrowRight Shift+ArrowRight Shift+ArrowRight Shift+ArrowRight 1")
    press(tab, "Home ArrowRight ArrowRight Shift+ArrowRight 2 End Shift+ArrowLeft 2")
    assert surfaces(rows(tab)[1]) == [("北京大学", "firm"), ("北京", "place"), ("北京", "place")]
    press(tab, "Backspace p")
    assert len(rows(tab)[1]["entities"]) == 2
    assert "Text 1 of 2" in tab.locator("#marking [data-slot=position]").inner_text()
    said = check(tab)
    assert "a company or university" in said and "北京大学" in said


@in_browser
def test_what_stands_in_the_field_is_opened_again_and_survives_a_reload(tab: Page) -> None:
    given = [
        {"id": 7, "text": "one two three", "entities": [{"start": 0, "end": 7, "type": "a"}, {"start": 4, "end": 13, "type": "b"}]},
        {"text": "nothing", "entities": []},
    ]  # fmt: skip
    tab.locator("#type").select_option("ner")
    tab.locator("#examples").fill("\n".join(map(json.dumps, given)))
    box = tab.locator("#marking [data-slot=text]")
    assert box.inner_text() == "one two three", "marks that cross are shown, too"
    box.focus()
    press(tab, "End 1 n 0")
    assert rows(tab) == [
        {**given[0], "entities": [*given[0]["entities"], {"start": 8, "end": 13, "type": "a"}]},
        {"text": "nothing"},
    ]
    before = rows(tab)
    tab.reload()
    tab.locator("#marking mark").first.wait_for()
    assert rows(tab) == before
    tab.locator("#examples").fill("a text\tits label")
    assert "(line 1)" in tab.locator("#marking [data-slot=said]").inner_text()
    assert tab.locator("#marking [data-do=add]").is_disabled()
    assert tab.locator("#examples").input_value() == "a text\tits label"


@in_browser
def test_relations_head_first(tab: Page) -> None:
    texts = "Ada runs ACM\n嵇楠任职于苔原茶业"
    begin(tab, "relation", texts, span="person firm", link="works-for")
    press(tab, "ArrowRight 1 End 2")
    press(tab, "Enter Home Enter a")
    press(tab, "n Home Shift+ArrowRight 1 End Shift+ArrowLeft Shift+ArrowLeft Shift+ArrowLeft 2")
    tab.locator("#marking .marks button", has_text="嵇楠").click()
    tab.locator("#marking .marks button", has_text="苔原茶业").click()
    tab.get_by_role("button", name="works-for").first.click()
    first, second = rows(tab)
    assert surfaces(first) == [("Ada", "person"), ("ACM", "firm")]
    (relation,) = first["relations"]
    assert (relation["head"]["type"], relation["tail"]["type"]) == ("firm", "person"), "as they were picked"
    (relation,) = second["relations"]
    assert surfaces({**second, "entities": [relation["head"], relation["tail"]]}) == [
        ("嵇楠", "person"),
        ("苔原茶业", "firm"),
    ]
    assert tab.locator("#entities_given").input_value() == "false", "the model is to find what is marked"
    said = check(tab)
    assert "ACM → works-for → Ada" in said and "嵇楠 → works-for → 苔原茶业" in said
    tab.get_by_role("link", name="Change something").click()
    tab.get_by_role("button", name="Remove ACM, firm").click()
    assert [len(row["relations"]) for row in rows(tab)] == [0, 1], "with its entity a relation goes"
    assert tab.locator("#entities_given").input_value() == "false"


@in_browser
def test_unlabelled_texts_are_taken_and_can_be_nothing(tab: Page) -> None:
    tab.locator("#type").select_option("ner")
    lines = ['{"text": "two\\nlines"}', *(f"text {number}" for number in range(11))]
    tab.locator("#unlabeled").fill("\n".join(lines))
    tab.locator("#marking [data-do=take]").click()
    assert [row["text"] for row in rows(tab)] == ["two\nlines", *(f"text {number}" for number in range(9))]
    assert tab.locator("#unlabeled").input_value() == "text 9\ntext 10"
    press(tab, "0")
    assert rows(tab)[0]["entities"] == []
    tab.locator("#marking [data-do=drop]").click()
    assert len(rows(tab)) == 9


@in_browser
def test_texts_of_several_lines(tab: Page) -> None:
    begin(tab, "ner", "Hello,\nAda left\n \nHello,\nBob came", span="person")
    press(tab, "ArrowRight ArrowRight ArrowRight 1 n End ArrowLeft 1")
    assert [surfaces(row) for row in rows(tab)] == [[("Ada", "person")], [("Bob", "person")]]
    tab.locator("#marking summary").click()
    tab.locator("#marking-paste").fill("Dear all,\n\nCy is here.\n---\nDear Di,\n\nthanks\n")
    tab.locator("#marking [data-do=add]").click()
    assert [row["text"] for row in rows(tab)][2:] == ["Dear all,\n\nCy is here.", "Dear Di,\n\nthanks"]


@in_browser
def test_events_with_their_arguments(tab: Page) -> None:
    begin(tab, "event", "😀 The pump stopped at noon\nBelt 6 stopped", span="breakdown", link="machine time")
    drag(tab, "stopped")
    tab.keyboard.press("1")
    drag(tab, "pump")
    tab.keyboard.press("a")
    drag(tab, "noon")
    tab.keyboard.press("b")
    press(tab, "n End 1 Home Shift+ArrowRight a")
    first, second = (row["events"] for row in rows(tab))
    assert first == [
        {
            "type": "breakdown",
            "trigger": {"start": 11, "end": 18},
            "arguments": [
                {"role": "machine", "start": 6, "end": 10},
                {"role": "time", "start": 22, "end": 26},
            ],
        }
    ]
    assert second[0]["arguments"] == [{"role": "machine", "start": 0, "end": 6}]
    check(tab)
    assert tab.locator("mark", has_text="machine").count() == 2
    tab.go_back()
    tab.locator("#marking mark").first.wait_for()
    tab.locator("#marking [data-slot=text]").focus()
    press(tab, "ArrowRight ArrowRight ArrowRight ArrowRight Backspace")
    assert rows(tab)[0] == {"text": "😀 The pump stopped at noon"}, "with the trigger the event goes"


@in_browser
def test_pairs_are_pasted_and_judged(tab: Page) -> None:
    tab.locator("#name").fill("by-hand")
    tab.locator("#type").select_option("similarity")
    tab.locator("#pairing-first").fill("where is it\n什么时候到\nrefund me\nhello\nlast")
    tab.locator("#pairing-second").fill("not here yet\n几点到\ncancel it")
    tab.locator("#pairing [data-do=add]").click()
    assert "5 texts" in tab.locator("#pairing [data-slot=said]").inner_text()
    tab.locator("#pairing-second").fill("not here yet\n几点到\ncancel it\nbye\nundecided")
    tab.locator("#pairing [data-do=add]").click()
    tab.get_by_role("group", name="Pair 1").get_by_role("button", name="1").focus()
    press(tab, "1 1 0 0")
    tab.get_by_label("Second text of pair 4").fill("good\nbye")
    assert [row.get("label") for row in rows(tab)] == [1, 1, 0, 0, None]
    assert rows(tab)[3]["text_b"] == "good\nbye"
    tab.locator("#pairing-first").locator("xpath=ancestor::details").locator("summary").click()
    tab.locator("#pairing-first").fill("a\tb\t1\nc\td\t0")
    tab.locator("#pairing [data-do=add]").click()
    tab.get_by_role("button", name="Remove pair 6").click()
    assert [row["text_a"] for row in rows(tab)][4:] == ["last", "c"]
    said = check(tab)
    assert "1 row among the examples" in said and "什么时候到" in said


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_screens_do_not_scroll_sideways(tab: Page, scheme: Any) -> None:
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.emulate_media(color_scheme=scheme)
    begin(tab, "event", "Ada wrote " + "x" * 90, span="a-rather-long-name-of-an-event", link="who")
    press(tab, "ArrowRight 1 ArrowRight a")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.evaluate(wider) == 0
    tab.locator("#type").select_option("similarity")
    tab.locator("#examples").fill("where is it\tnot here\t1\nand it\thello " + "y" * 90 + "\t0.5")
    assert tab.get_by_label("Grade of pair 2").input_value() == "0.5"
    assert tab.evaluate(wider) == 0


@in_browser
def test_without_scripts_the_field_takes_the_rows(site: tuple[str, str], browser: Browser) -> None:
    url, token = site
    with browser.new_page(java_script_enabled=False) as page:
        page.goto(f"{url}/?token={token}")
        page.goto(f"{url}/new")
        assert page.locator(".panel:visible").count() == 0
        page.locator("#name").fill("by-hand")
        page.locator("#type").select_option("ner")
        row = '{"text": "%s", "entities": [{"start": 0, "end": 3, "type": "person"}]}'
        page.locator("#examples").fill("\n".join(row % text for text in ("Ada left", "Bob came")))
        assert "person" in check(page)


def test_scripts_that_others_import_are_asked_for_again(http: Any) -> None:
    page = http.get("/new", headers={"accept": "text/html"}).text
    (entry,) = re.findall(r'src="(/static/newtask.js[^"]*)"', page)
    imported = re.findall(r'from "\./(\w+\.js)"', http.get(entry).text)
    assert imported and "immutable" in http.get(entry).headers["cache-control"]
    for name in imported:
        assert http.get(f"/static/{name}").headers["cache-control"] == "no-cache"


def test_rows_nobody_labelled_are_unlabelled_ones() -> None:
    text = '{"text": "Ada left"}\r\n{"text": "Bob left", "entities": [[0, 3, "p"]]}\r\n{"text": "Cy", "entities": [[0, 2, "p"]]}'
    data = read_form(Upload({"name": "t", "type": "ner", "examples": text, "unlabeled": "more"}, {}))
    assert [row.text for row in data.gold] == ["Bob left", "Cy"]
    assert {row.text for row in data.pool} == {"Ada left", "more"}
    assert data.notes[0] == "1 row among the examples without marks or answer read as unlabelled"
