"""The pages in Chinese: which language a request gets, how one switches, and a catalogue that is complete."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from fake_engine import JUDGED, write_judged
from fastapi.testclient import TestClient
from test_pages import (
    CHROMIUM,
    REPORT,
    Site,
    assert_clean,
    fill,
    form,
    open_site,
    publish,
    server,  # noqa: F401 - a fixture
    write_student,
)

from gts.orchestrator.recorder import JobRecorder
from gts.orchestrator.stages import STAGES as ENGINE_STAGES
from gts.platform.pages import languages as pages
from gts.platform.pages.languages import languages, preferred
from gts.platform.pages.render import environment
from gts.platform.pages.reports import interval_sentence, report_view, verdict
from gts.platform.pages.wording import ago, duration, points
from gts.platform.pages.words import MEASURES, STAGES, TASK_TYPES, metric_name, stage_name
from gts.tasks.spec import TaskSpec

HERE = Path(pages.__file__).parent
CHINESE = languages()["zh"]
LOOKUPS = ("gettext", "ngettext", "text", "mark")
SPOKEN = "aria-label|placeholder|title|data-(?!(do|events|for|part|slot)$).*"
"""Attributes that hold words for people."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from open_site(tmp_path / "home")


@pytest.fixture
def chinese(site: Site) -> TestClient:
    client = site.client()
    client.headers["accept-language"] = "zh-CN,zh;q=0.9,en;q=0.8"
    return client


def read(client: TestClient, path: str, status: int = 200, language: str = "zh-Hans") -> str:
    response = client.get(path)
    assert response.status_code == status, response.text[:500]
    assert response.headers["vary"] == "Accept-Language, Cookie"
    assert f'<html lang="{language}">' in response.text
    assert_clean(response.text)
    return response.text


# Which language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh-CN", "zh"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8", "zh"),
        ("ZH-hans-cn", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.7, zh;q=0.8", "zh"),
        ("en;q=0.8,zh;q=0.8", "en"),
        ("zh;q=0.8,en;q=0.8", "zh"),
        ("fr-FR,fr;q=0.9", "en"),
        ("fr, zh;q=0.2", "zh"),
        ("fr, *;q=0.5", "en"),
        ("zh;q=0, *", "en"),
        ("en;q=0, *;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("zh ; q=0.5 , en;q=0.4", "zh"),
        ("zhuang, zho", "en"),
        ("zh;q=high, ;;, =, zh;q=", "en"),
    ],
)
def test_the_browser_says_which_language_it_prefers(accepted: str, language: str) -> None:
    assert preferred(accepted).name == language


def test_english_is_what_is_not_asked_for_otherwise(site: Site, chinese: TestClient) -> None:
    assert "用少量样例训练文本分类器" in read(chinese, "/")
    for accepted in ("en-GB,en;q=0.9,zh;q=0.5", "de,fr;q=0.7", ""):
        client = site.client()
        client.headers["accept-language"] = accepted
        assert "A text classifier from a few examples" in read(client, "/", language="en")


def test_the_switch_overrules_the_browser_and_lasts(chinese: TestClient) -> None:
    html = read(chinese, "/models?search=a%26b")
    link = re.search(r'<a href="(/language\?[^"]+)" lang="en" hreflang="en" rel="nofollow">English</a>', html)
    assert link
    answer = chinese.get(unescape(link[1]))
    assert answer.status_code == 303 and answer.headers["location"] == "/models?search=a%26b"
    cookie = answer.headers["set-cookie"].lower()
    assert "gts_language=en;" in cookie and "samesite=lax" in cookie and "max-age=31536000" in cookie
    for path in ("/", "/new"):
        assert "中文</a>" in read(chinese, path, language="en")
    assert chinese.get("/language?to=zh&next=/").status_code == 303
    read(chinese, "/")
    assert chinese.get("/language?to=klingon").headers["location"] == "/", "an unknown choice is forgotten"
    assert "gts_language" not in chinese.cookies


def test_the_switch_leads_nowhere_else_and_needs_no_token(site: Site) -> None:
    client = site.client()
    client.cookies.clear()
    answer = client.get("/language?to=zh&next=https://evil.example/")
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    html = read(client, "/login?next=/jobs/7")
    assert 'href="/language?to=en&amp;next=%2Flogin%3Fnext%3D%2Fjobs%2F7"' in html


def test_after_a_form_the_switch_leads_to_a_page_that_can_be_opened(
    site: Site, chinese: TestClient, tmp_path: Path
) -> None:
    fill(site, tmp_path / "student")
    for path, sent in (
        ("/new", {"files": form(name="my task!")}),
        ("/models/local/support-tickets/try", {"data": {"text": "my parcel"}}),
        ("/jobs/x/cancel", {}),
    ):
        html = chinese.post(path, **sent).text
        link = re.search(r'href="(/language\?to=en[^"]+)"', html)
        assert link, path
        target = chinese.get(unescape(link[1])).headers["location"]
        assert chinese.get(target).status_code == 200, target
        chinese.cookies.delete("gts_language")


def test_programs_are_answered_in_english(chinese: TestClient) -> None:
    chinese.headers["accept"] = "application/json"
    assert chinese.get("/api/v1/jobs/nothing").json()["error"]["message"].isascii()


# The pages


def test_signing_in_and_errors(site: Site, chinese: TestClient) -> None:
    assert "这里没有内容" in read(chinese, "/nowhere", 404) and "怎么办" in read(chinese, "/nowhere", 404)
    chinese.cookies.clear()
    html = read(chinese, "/login?failed=1")
    assert "使用令牌登录" in html and "令牌无效" in html and "<code>gts up</code>" in html


def test_form_and_check(chinese: TestClient) -> None:
    assert "新建任务" in read(chinese, "/new")
    rows = "".join(f'{{"text": "a {n}", "label": "{n % 2}"}}\n' for n in range(4))
    check = chinese.post("/new", files=form(name="tickets", examples=rows)).headers["location"]
    html = read(chinese, check)
    for text in ("2 个标签", "样例偏少", "约 3 分钟", "启动作业", "a 1"):
        assert text in html
    problem = chinese.post("/new", files=form(name="t", examples="text,label\ngood,pos\n,neg\nbad,pos\n"))
    assert "第 3 行" in problem.text, "what is wrong is said as everywhere, where it is wrong in Chinese"
    assert "Empty text" in problem.text


def test_jobs_in_every_state(site: Site, chinese: TestClient, tmp_path: Path) -> None:
    ids = fill(site, tmp_path / "student")
    html = read(chinese, "/")
    for text in ("运行中 42%", "蒸馏 static", "88%", "准确率", "排队中", "失败", "static 学生模型", "刚刚"):
        assert text in html
    html = read(chinese, f"/jobs/{ids['succeeded']}")
    for text in (
        "90% 置信区间为 84% 至 91%，基于 64 条标注文本。",
        "教师模型有帮助：与仅用你的标注训练相比，+7.6 个百分点。",
        "计算用时、语言模型 481,200 token、付费 0.13",
        "训练教师模型 encoder",
        "宏平均 F1",
        'aria-label="学生模型 88%，介于 84% 与 91% 之间',
        "worse than the encoder in every fold",
    ):
        assert text in html
    html = read(chinese, f"/jobs/{ids['running']}")
    assert "蒸馏 static" in html and "epoch 5 of 12" in html and "预计：27 秒。" in html
    assert "运行中：蒸馏 static。已完成 2 个阶段。" in html
    html = read(chinese, f"/jobs/{ids['failed']}")
    assert "2 个已完成的阶段（计算用时 25 秒）均已保留" in html and "are not on this machine." in html
    assert "等待执行进程" in read(chinese, f"/jobs/{ids['queued']}")


def finish(site: Site, folder: Path) -> str:
    """A finished job whose generated texts are kept; its id."""
    site.submit()
    recorder: JobRecorder = site.claim()
    written = {**REPORT["generators"][1], "artifact": write_judged(site.services.store, JUDGED)}
    model = publish(site, write_student(folder), recorder._job.id)
    recorder.finish({**REPORT, "generators": [written]}, model)
    return recorder._job.id


def test_generated_texts(site: Site, chinese: TestClient, tmp_path: Path) -> None:
    job_id = finish(site, tmp_path / "student")
    html = read(chinese, f"/jobs/{job_id}/generated")
    for text in ("生成文本", "保留 363 条，舍弃 0 条", "否决", "参考样例", "refund me twice"):
        assert text in html
    text_id = re.search(r'<li id="t-(\w+)"', html)
    assert text_id
    chinese.post(f"/jobs/{job_id}/generated/{text_id[1]}", data={"verdict": "veto"})
    assert "local，<time" in read(chinese, f"/jobs/{job_id}/generated")


def test_model_and_its_try_it_box(site: Site, chinese: TestClient, tmp_path: Path) -> None:
    fill(site, tmp_path / "student")
    html = read(chinese, "/models/local/support-tickets")
    for text in ("2 个标签", "试一试", "分类头", "命令行", "Sorts <strong>tickets</strong>", "模型卡片"):
        assert text in html
    answer = chinese.post("/models/local/support-tickets/try", data={"text": "my parcel"}).text
    assert "各标签的概率" in answer and "<strong>delivery</strong>" in answer
    assert "没有名称类似“&lt;b&gt;”的模型。" in read(chinese, "/models?search=<b>")


def test_sentences() -> None:
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert ago(moment, moment + timedelta(hours=3), CHINESE) == "3 小时前"
    assert ago(moment, moment + timedelta(days=40), CHINESE) == "2026 年 1 月 5 日"
    assert [duration(s, CHINESE) for s in (0.04, 95, 3725)] == ["0.04 秒", "1 分 35 秒", "1 小时 2 分"]
    assert points(-0.014, CHINESE) == "-1.4 个百分点"
    assert interval_sentence({"value": 0.9, "n": 1}, CHINESE) == "90%，基于 1 条标注文本"
    same = {"estimate": {"value": 0.8}, "seed_only": {"value": 0.8}}
    assert verdict(same, CHINESE) == "与仅用你的标注训练效果相当。"
    assert metric_name("macro_f1", CHINESE) == "宏平均 F1"
    assert metric_name("made_up", CHINESE) == "made up"
    assert stage_name("rows.teach fold 1 of 3", CHINESE) == "训练教师模型 fold 1 of 3"
    assert CHINESE.gettext("not in the catalogue: %(x)s", x=1) == "not in the catalogue: 1"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_in_a_real_browser(site: Site, server: str, tmp_path: Path) -> None:  # noqa: F811
    from playwright.sync_api import expect, sync_playwright

    job_id = finish(site, tmp_path / "student")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 360, "height": 740}, locale="zh-CN")
        tab.goto(f"{server}/?token={site.token}")
        for path in (
            "/",
            "/new",
            f"/jobs/{job_id}",
            f"/jobs/{job_id}/generated",
            "/models/local/support-tickets",
        ):
            tab.goto(f"{server}{path}")
            wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert tab.evaluate(wider) == 0, f"{path} scrolls sideways"
            expect(tab.get_by_role("link", name="作业", exact=True).first).to_be_visible()
        tab.get_by_role("link", name="English").click()
        expect(tab.get_by_role("heading", name="Try it")).to_be_visible()
        assert tab.url.endswith("/models/local/support-tickets")
        browser.close()


# The catalogue


def of_templates() -> dict[str, set[str]]:
    """English texts of all templates: what each is looked up by, with all its forms."""
    found: dict[str, set[str]] = {}
    english = environment("en")
    for name in english.list_templates():
        source = (HERE / "templates" / name).read_text("utf-8")
        for line, function, said in english.extract_translations(source):
            forms = [part for part in (said if isinstance(said, tuple) else (said,)) if part is not None]
            assert len(forms) == (2 if function == "ngettext" else 1), f"{name}:{line}: no constant text"
            found.setdefault(forms[0], set()).update(forms)
    return found


def of_functions() -> dict[str, set[str]]:
    """The same of all Python modules of the pages."""
    found: dict[str, set[str]] = {}
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in LOOKUPS and node.args and isinstance(node.args[0], ast.Constant):
                forms = [ast.literal_eval(part) for part in node.args[: 2 if name == "ngettext" else 1]]
                found.setdefault(forms[0], set()).update(forms)
    return found


def messages() -> dict[str, set[str]]:
    found = of_templates()
    for more in (of_functions(), {name: {name} for name in MEASURES}):
        for text, forms in more.items():
            found.setdefault(text, set()).update(forms)
    return found


def places(text: str) -> set[str]:
    """What is filled in: ``%(name)s`` here, ``{name}`` by a script."""
    return set(re.findall(r"%(?:\(\w+\)s)?|{[a-z]+}", re.sub(r"%%|{\d[^}]*}", "", text)))


def test_every_text_of_the_pages_is_in_the_catalogue_and_nothing_else() -> None:
    found = messages()
    assert len(found) > 200
    assert sorted(found.keys() - CHINESE.texts.keys()) == [], "add them to pages/locale/zh.yaml"
    assert sorted(CHINESE.texts.keys() - found.keys()) == [], "no page says these any more"
    source = (HERE / "locale" / "zh.yaml").read_text("utf-8")
    assert len(re.findall("^['\"]", source, re.MULTILINE)) == len(CHINESE.texts), "one stands there twice"


def test_translations_keep_the_places_and_the_markup() -> None:
    for text, forms in messages().items():
        assert places(CHINESE.texts[text]) == set.union(*map(places, forms)), text
        tags = [sorted(re.findall(r"<[^>]+>", said)) for said in (text, CHINESE.texts[text])]
        assert tags[0] == tags[1], text


def test_the_words_of_other_rooms_are_all_known() -> None:
    assert {name.removeprefix("rows.") for name in ENGINE_STAGES} == set(STAGES)
    assert set(TASK_TYPES) == set(TaskSpec.model_fields["type"].annotation.__args__)


def test_no_template_says_anything_past_the_catalogue() -> None:
    for path in (HERE / "templates").iterdir():
        source = path.read_text("utf-8")
        source = re.sub(
            r"{#.*?#}|{% trans.*?{% endtrans %}|{% block width.*?{% endblock %}", "", source, flags=re.DOTALL
        )
        source = re.sub(r"{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
        attributes = re.findall(r'([a-z-]+)="([^"]*[A-Za-z][^"]*)"', source)
        said = [text for name, text in attributes if re.fullmatch(SPOKEN, name) and text != "support-tickets"]
        text = re.sub(r'<(code|kbd|svg).*?</\1>|[a-z-]+="[^"]*"|<[^>]*>', " ", source, flags=re.DOTALL)
        said += set(re.findall(r"[A-Za-z]{2,}", text)) - {"GTS", "Ctrl", "Enter", "ms"}
        assert said == [], path.name


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Nobody labelled anything"), ("zh", "没有任何人工标注")]
)
def test_agreement_with_guesses_is_never_called_quality(language, said):
    estimate = {"metric": "agreement", "value": 0.9, "low": 0.8, "high": 0.95, "n": 32}
    report = {"estimate": estimate, "seed_only": estimate, "counts": {"gold": 0, "guessed": 32}}
    view = report_view(report, languages()[language])
    assert said in view.verdict
    assert "32" in view.interval and ("guessed" in view.interval or "推测" in view.interval)
    assert any("32" in value for _, value, _ in view.figures)
