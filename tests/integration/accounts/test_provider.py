"""Signing in with a foreign, certified identity provider, and out, rightly and wrongly."""

import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.access.errors import AccountError
from hypervisor.access.identity import CSRF_HEADER
from hypervisor.accounts import service as account_service
from hypervisor.accounts import service_provider
from hypervisor.accounts.provider import EndedSession
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit, databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.stack import doctor
from tests import command_line
from tests.conftest import TEMPLATE, Stack
from tests.integration.accounts.providing import (
    Door,
    begin,
    elsewhere,
    enter,
    fetch_callback,
    follow_to_callback,
    providing,
    sign_out_there,
)
from tests.integration.web.conftest import AREAS, NORTH, ORGE
from tests.integration.web.served import EVERYTHING, cookie, server, session
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

RULES = f"""
provider: Essonne Login
scopes: [given_name, usual_name, email, groups, communes]
roles:
  - {{when: {{groups: operators}}, role: operator, area: "{NORTH}"}}
  - {{when: {{groups: administrators, email: "*@essonne.example"}}, role: administrator}}
  - {{when: {{groups: elected}}, role: viewer, areas from: communes}}
"""
PASSWORD = passwords.generate()
SEEN = {"If-Match": "*"}


def person(name: str, *groups: str, **claims: Any) -> dict[str, Any]:
    """The claims of somebody, as the provider holds them."""
    return {
        "email": f"{name}@essonne.example",
        "given_name": name.title(),
        "usual_name": "Martin",
        "groups": list(groups),
        **claims,
    }


def make_database(url: str) -> str:
    """A live instance with its territory and an emergency door."""
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        connection.cursor().executemany(
            "INSERT INTO area (code, kind, name, parent) VALUES (%s, %s, %s, %s)", AREAS
        )
        new = NewAccount(name="root", password=PASSWORD, roles=((Role.ADMINISTRATOR, None),))
        account_service.create_account(connection, new, Administrator(name="root"))
    return url


@pytest.fixture(scope="module")
def shared_door(stack: Stack) -> Iterator[Door]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with providing(make_database(stack.database.url(name))) as made:
        yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture
def door(shared_door: Door) -> Door:
    """As it was made: each test has people of its own."""
    shared_door.apply(RULES)
    shared_door.tell(forge=None)
    return shared_door


@pytest.fixture
def browser(door: Door) -> Iterator[httpx.Client]:
    with door.visit() as made:
        yield made


def read_me(browser: httpx.Client) -> Any:
    answer = browser.get("/api/v1/auth/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


def read_problem(answer: httpx.Response) -> str:
    """What the page says is wrong."""
    problem = re.search(r'role="alert"><p><b>(.*?)</b></p><p>(.*?)</p>', answer.text)
    assert problem is not None, answer.text
    return html.unescape(problem[2])


def list_acts(door: Door, author: str) -> list[tuple[str, str]]:
    with connect(door.url) as connection:
        acts = audit.list_latest(connection, author=author, limit=None)
    return [(act.kind, act.reason) for act in reversed(acts)]


def test_the_first_sign_in_makes_the_account(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u1": person("anne", "operators", "others")})
    lands = enter(browser, "u1", "/alarms?state=open")
    assert (lands.status_code, lands.headers["location"]) == (303, "/alarms?state=open")
    assert "HttpOnly" in lands.headers["set-cookie"]
    me = read_me(browser)
    assert (me["name"], me["title"]) == ("anne@essonne.example", "Anne Martin")
    assert me["roles"] == [{"role": "operator", "area": NORTH, "area_name": "Nord"}]
    assert [kind for kind, _ in list_acts(door, "anne@essonne.example")] == ["account", "sign-in"]
    assert "hypervisor-signing-in" not in "".join(browser.cookies.keys())

    page = browser.get("/account?lang=en", follow_redirects=True).text
    assert "You sign in with the identity provider" in page
    assert "p-old" not in page
    with door.visit() as again:
        assert enter(again, "u1").status_code == 303
    assert [kind for kind, _ in list_acts(door, "anne@essonne.example")][2:] == ["sign-in"]


def test_what_is_sent_is_what_the_standard_wants(browser: httpx.Client) -> None:
    sent = {key: value[0] for key, value in parse_qs(urlsplit(begin(browser)).query).items()}
    again = {key: value[0] for key, value in parse_qs(urlsplit(begin(browser)).query).items()}
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"].split()[0] == "openid"
    for name in ("state", "nonce", "code_challenge"):
        assert len(sent[name]) >= 43  # ProConnect wants 32
        assert sent[name] != again[name]
    assert len({sent["state"], sent["nonce"], sent["code_challenge"]}) == 3


def test_no_password_opens_such_an_account(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u2": person("bruno", "operators")})
    enter(browser, "u2")
    name = "bruno@essonne.example"
    login = {"name": name, "password": PASSWORD}
    with door.visit() as guesser:
        assert guesser.post("/api/v1/auth/login", json=login).status_code == 401
        assert guesser.post("/api/v1/auth/login", json={**login, "password": ""}).status_code == 401
    change = {"old": "", "new": PASSWORD}
    csrf = {"X-CSRF-Token": read_me(browser)["csrf"]}
    assert browser.put("/api/v1/auth/me/password", json=change, headers=csrf).status_code == 422
    with door.administer(*EVERYTHING) as root:
        (account,) = [
            each for each in root.get("/api/v1/accounts").json()["accounts"] if each["name"] == name
        ]
        assert (account["signs_in"], account["by_provider"]) == (True, True)
        for body in ({"password": PASSWORD}, {"roles": [{"role": "administrator"}]}):
            refused = root.patch(f"/api/v1/accounts/{name}", json=body, headers=SEEN)
            assert refused.status_code == 422, refused.text
            assert "identity provider" in refused.json()["detail"]
        form = {"title": "", "language": "fr", "seen": "*", "csrf": root.headers["X-CSRF-Token"]}
        saved = root.post(f"/admin/accounts/{name}", data=form)
        assert saved.status_code == 303, saved.text
        account = root.get(f"/api/v1/accounts/{name}").json()["account"]
        assert (account["title"], account["language"]) == ("Bruno Martin", "fr")
        assert [role["role"] for role in account["roles"]] == ["operator"]


def test_roles_and_places_follow_the_claims(door: Door, browser: httpx.Client) -> None:
    """So do tokens; without any role nothing is left of the sign-in before."""
    mayor = person("chloe", "elected", communes=[ORGE, "75056"])
    door.tell(users={"u3": mayor})
    enter(browser, "u3")
    me = read_me(browser)
    assert [(role["role"], role["area"]) for role in me["roles"]] == [("viewer", ORGE)]
    ends = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    made = browser.post(
        "/api/v1/auth/tokens",
        json={"name": "script", "ends_at": ends},
        headers={"X-CSRF-Token": me["csrf"]},
    )
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    with (
        httpx.Client(base_url=door.base, headers=bearer, timeout=60) as program,
        door.visit() as later,
    ):
        door.tell(users={"u3": {**mayor, "groups": ["operators"], "usual_name": "Petit"}})
        enter(later, "u3")
        assert read_me(later)["title"] == "Chloe Petit"
        for client in (browser, later, program):
            roles = read_me(client)["roles"]
            assert [(role["role"], role["area"]) for role in roles] == [("operator", NORTH)]

        door.tell(users={"u3": {**mayor, "groups": []}})
        with door.visit() as last:
            refused = enter(last, "u3")
        assert refused.status_code == 403
        text = read_problem(refused)
        assert "groups" in text
        assert browser.get("/api/v1/auth/me").status_code == 401
        assert later.get("/api/v1/auth/me").status_code == 401
        assert program.get("/api/v1/sites").status_code == 403
    acts = list_acts(door, "chloe@essonne.example")
    assert [kind for kind, _ in acts].count("account-roles") == 2
    refusals = list_acts(door, "Essonne Login")
    start = "the identity provider's claims give you no role here: groups is missing"
    assert any(kind == "sign-in-refused" and text.startswith(start) for kind, text in refusals)


def test_a_token_rests_when_its_owner_has_not_signed_in_for_a_month(
    door: Door, browser: httpx.Client
) -> None:
    door.tell(users={"u4": person("driss", "operators")})
    enter(browser, "u4")
    ends = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    made = browser.post(
        "/api/v1/auth/tokens",
        json={"name": "script", "ends_at": ends},
        headers={"X-CSRF-Token": read_me(browser)["csrf"]},
    )
    bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
    with httpx.Client(base_url=door.base, headers=bearer, timeout=60) as program:
        for days, status in ((30, 200), (32, 401)):
            with connect(door.url) as connection:
                connection.execute(
                    "UPDATE account SET signed_in_at = now() - make_interval(days => %s)"
                    " WHERE name = 'driss@essonne.example'",
                    [days],
                )
            assert program.get("/api/v1/sites").status_code == status
        with door.visit() as again:
            enter(again, "u4")
        assert program.get("/api/v1/sites").status_code == 200


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": None}, "email"),
        ({"email_verified": False}, "email"),
        ({"groups": []}, "groups"),
        ({"groups": ["administrators"], "email": "eve@elsewhere.example"}, "administrators"),
        ({"email": "<script>"}, "<script>"),
    ],
)
def test_who_lacks_a_claim_is_told_which(
    door: Door, browser: httpx.Client, claims: Mapping[str, Any], words: str
) -> None:
    door.tell(users={"u5": {**person("eve", "operators"), **claims}})
    refused = enter(browser, "u5")
    assert refused.status_code == 403
    assert words in read_problem(refused)
    assert "<script>" not in refused.text
    assert browser.get("/api/v1/auth/me").status_code == 401
    french = browser.get(str(refused.url), headers={"Accept-Language": "fr"})
    assert "recommencez" in read_problem(french)  # loaded again it is over


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        ({"claims": {"nonce": "another"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"iss": "https://elsewhere.example"}}, "iss"),
        ({"claims": {"aud": "another"}}, "aud"),
        ({"claims": {"aud": ["console", "another"]}}, "another program"),
        ({"claims": {"azp": "another"}}, "another program"),
        ({"claims": {"exp": 1_700_000_000}}, "expired"),
        ({"claims": {"iat": 4_000_000_000}}, "future"),
        ({"claims": {"sub": "root"}}, "two people"),
        ({"foreign": True}, "bad_signature"),
    ],
)
def test_what_is_not_ours_to_believe_lets_nobody_in(
    door: Door, browser: httpx.Client, forge: Mapping[str, Any], words: str
) -> None:
    door.tell(users={"u6": person("fatou", "administrators")}, forge=forge)
    refused = enter(browser, "u6")
    assert (refused.status_code, words in read_problem(refused)) == (403, True), refused.text
    assert browser.get("/api/v1/auth/me").status_code == 401
    door.tell(forge=None)
    assert enter(browser, "u6").status_code == 303


def test_an_answer_serves_once_and_in_its_own_browser(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u7": person("gilles", "operators")})
    address = fetch_callback(browser, "u7")
    with door.visit() as victim:  # whom somebody sends the address of their own sign-in
        foreign = victim.get(address)
        assert (foreign.status_code, "begin again" in read_problem(foreign)) == (400, True)
        begin(victim)
        assert victim.get(address).status_code == 400
        assert victim.get("/api/v1/auth/me").status_code == 401
    kept = dict(browser.cookies)
    assert browser.get(address).status_code == 303
    assert browser.get(address).status_code == 400
    with httpx.Client(base_url=door.base, cookies=kept, timeout=60) as copy:
        replayed = copy.get(address)
        assert (replayed.status_code, "invalid_grant" in replayed.text) == (403, True)
        assert copy.get("/api/v1/auth/me").status_code == 401


def test_an_answer_of_another_provider_is_refused(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u8": person("hugo", "operators")})
    address = httpx.URL(fetch_callback(browser, "u8"))
    mixed = address.copy_set_param("iss", "https://elsewhere.example")
    refused = browser.get(mixed)
    assert (refused.status_code, "not of our" in read_problem(refused)) == (403, True)
    with door.visit() as second:
        unnamed = httpx.URL(fetch_callback(second, "u8")).copy_remove_param("iss")
        assert second.get(unnamed).status_code == 403


def test_two_windows_do_not_take_each_others_sign_in(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u9": person("ines", "operators")})
    first = fetch_callback(browser, "u9", "/sites")
    second = fetch_callback(browser, "u9", "/alarms")
    assert browser.get(first).headers["location"] == "/sites"
    assert browser.get(second).headers["location"] == "/alarms"


def test_who_declines_reads_so(browser: httpx.Client) -> None:
    refused = enter(browser, "nobody")
    assert (refused.status_code, "access_denied" in read_problem(refused)) == (403, True)


def test_signing_in_leads_to_no_other_host(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u10": person("jean", "operators")})
    for target in ("//evil.example", "/\\evil.example", "https://evil.example", "evil",
                   "/\n/evil.example", "/" + "é" * 1_900):  # fmt: skip
        lands = enter(browser, "u10", target)
        assert (lands.status_code, lands.headers["location"]) == (303, "/"), target


def test_a_session_from_before_does_not_become_theirs(door: Door, browser: httpx.Client) -> None:
    """The person who left it in the browser gains nothing."""
    secret = session(door.url, "mallory", (("viewer", None),), now=datetime.now(UTC))
    name = cookie(door.url)
    browser.cookies.set(name, secret)
    assert read_me(browser)["name"] == "mallory"
    door.tell(users={"u11": person("karim", "operators")})
    enter(browser, "u11")
    assert read_me(browser)["name"] == "karim@essonne.example"
    with httpx.Client(base_url=door.base, cookies={name: secret}, timeout=60) as left:
        assert left.get("/api/v1/auth/me").status_code == 401


def test_another_key_is_taken_when_the_provider_changes_it(
    door: Door, browser: httpx.Client
) -> None:
    door.tell(users={"u12": person("lea", "operators")})
    assert enter(browser, "u12").status_code == 303
    door.tell(rotate=True)
    with door.visit() as second:
        assert enter(second, "u12").status_code == 303
        sign_out_there(second, f"{door.issuer}/session/end")  # its notice bears the new key, too
        assert second.get("/api/v1/auth/me").status_code == 401


def test_signing_out_here_signs_out_there(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u13": person("manon", "operators")})
    enter(browser, "u13")
    out = browser.post("/logout", data={"csrf": read_me(browser)["csrf"]})
    assert out.status_code == 200
    leads = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', out.text)
    assert leads is not None
    assert browser.get("/api/v1/auth/me").status_code == 401
    assert browser.get(begin(browser)).headers["location"].startswith(door.base)  # still in there
    done = sign_out_there(browser, html.unescape(leads[1]))
    assert done.headers["location"].partition("?")[0] == f"{door.base}/login"
    asks = browser.get(begin(browser))
    assert urlsplit(asks.headers["location"]).path.startswith("/interaction/")


def test_signing_out_there_signs_out_here(door: Door, browser: httpx.Client) -> None:
    """By the back channel: the sessions of that browser, and no other's."""
    door.tell(users={"u14": person("nora", "operators"), "u15": person("omar", "operators")})
    enter(browser, "u14")
    with door.visit() as second, door.visit() as other:
        enter(second, "u14")
        enter(other, "u15")
        sign_out_there(browser, f"{door.issuer}/session/end")
        codes = [each.get("/api/v1/auth/me").status_code for each in (browser, second, other)]
    assert codes == [401, 200, 200]
    acts = list_acts(door, "nora@essonne.example")
    assert acts[-1] == ("sign-out", "signed out by the identity provider")


def test_the_back_channel_believes_logout_tokens_alone(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u16": person("paul", "operators")})
    enter(browser, "u16")
    with connect(door.url) as connection:
        row = connection.execute(
            "SELECT v.id_token FROM provider_session v JOIN session s ON s.secret = v.session"
            " JOIN account a ON a.id = s.account WHERE a.name = 'paul@essonne.example'"
        ).fetchone()
    assert row is not None
    for token in ("", "x", "a.b.c", "..", row[0]):
        refused = browser.post("/login/provider/logout", data={"logout_token": token})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), token
        assert refused.headers["cache-control"] == "no-store"
    assert read_me(browser)["name"] == "paul@essonne.example"


def test_a_notice_without_a_session_ends_all_of_its_person(
    door: Door, browser: httpx.Client
) -> None:
    """But nothing that began after it, and nobody of another provider."""
    door.tell(users={"u19": person("tarek", "operators"), "u20": person("ursule", "operators")})
    now = datetime.now(UTC)
    notice = EndedSession(issuer=door.issuer, subject="u19", sid=None, opened_before=now)

    def end(**changes: Any) -> int:
        with_changes = replace(notice, **changes)
        return service_provider.end_sessions(lambda: connect(door.url), with_changes)

    with door.visit() as second, door.visit() as other:
        for visitor, who in ((browser, "u19"), (second, "u19"), (other, "u20")):
            enter(visitor, who)
        later = now + timedelta(minutes=5)
        assert end() == 0
        assert end(opened_before=later, issuer="https://elsewhere.example") == 0
        assert end(opened_before=later, sid="another") == 0
        assert end(opened_before=later) == 2
        codes = [each.get("/api/v1/auth/me").status_code for each in (browser, second, other)]
    assert codes == [401, 401, 200]


def test_disabling_ends_it_until_it_is_enabled(door: Door, browser: httpx.Client) -> None:
    door.tell(users={"u17": person("quentin", "operators")})
    enter(browser, "u17")
    path = "/api/v1/accounts/quentin@essonne.example"
    with door.administer(*EVERYTHING) as root:
        assert root.patch(path, json={"disabled": True}).is_success
        assert browser.get("/api/v1/auth/me").status_code == 401
        refused = enter(browser, "u17")
        assert (refused.status_code, "disabled" in read_problem(refused)) == (403, True)
        assert root.patch(path, json={"disabled": False}).is_success
    assert enter(browser, "u17").status_code == 303


def test_a_local_account_of_that_name_is_nobodys_else(door: Door, browser: httpx.Client) -> None:
    name = "rose@essonne.example"
    with connect(door.url) as connection:
        new = NewAccount(name=name, password=PASSWORD, roles=((Role.VIEWER, None),))
        account_service.create_account(connection, new, Administrator(name="root"))
    door.tell(users={"u18": person("rose", "operators")})
    refused = enter(browser, "u18")
    assert (refused.status_code, "already exists" in read_problem(refused)) == (403, True)
    with connect(door.url) as connection:
        (act,) = audit.list_latest(connection, kind="sign-in-refused", subject=name, limit=1)
    run(door, "link", name, act.details["subject"])
    assert enter(browser, "u18").status_code == 303
    assert read_me(browser)["name"] == name
    login = {"name": name, "password": PASSWORD}
    with door.visit() as guesser:
        assert guesser.post("/api/v1/auth/login", json=login).status_code == 401


def test_names_that_look_alike_are_one_account(door: Door, browser: httpx.Client) -> None:
    """`adm ` and full-width letters were made beside a local `adm`."""
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in "zoe") + "\u0301"
    alike = ("zoé", "ZOÉ ", " zoé", "zoe\u0301", wide, "zo\u00e9\u3000", "\uff3aoé")
    door.apply(RULES.replace("roles:", "account: given_name\nroles:", 1))
    with connect(door.url) as connection:
        for name in alike:
            new = NewAccount(name=name, password=PASSWORD, roles=((Role.VIEWER, None),))
            if name == alike[0]:
                account_service.create_account(connection, new, Administrator(name="root"))
                continue
            with pytest.raises(AccountError, match="'zoé' already exists"):
                account_service.create_account(connection, new, Administrator(name="root"))
    for number, name in enumerate(alike):
        door.tell(users={f"z{number}": person("zoe", "operators", given_name=name)})
        with door.visit() as another:
            refused = enter(another, f"z{number}")
        assert (refused.status_code, "already exists" in read_problem(refused)) == (403, True), name
    door.tell(users={"z": person("zoe", "operators", given_name="  \uff39ves \u2003 Ma  ")})
    assert enter(browser, "z").status_code == 303
    assert read_me(browser)["name"] == "Yves Ma"


def run(door: Door, *words: str, typed: str = "") -> str:
    """`hypervisor provider …`; what it prints."""
    environment = {
        "HYPERVISOR_DATABASE_URL": door.url,
        "HYPERVISOR_OIDC_ISSUER": door.issuer,
        "HYPERVISOR_OIDC_CLIENT_ID": "console",
        "HYPERVISOR_PUBLIC_URL": "https://console.example/",
    }
    done = command_line.run("provider", *words, typed=typed, environment=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_administrator_tries_before_anybody_signs_in(door: Door, tmp_path: Path) -> None:
    check = run(door, "check")
    assert "https://console.example/login/provider/callback" in check
    assert f"{door.issuer}/session/end" in check
    claims = json.dumps(person("sam", "operators"))
    assert f"operator of {NORTH}" in run(door, "try", "-", typed=claims)
    assert "groups is missing" in run(door, "try", "-", typed="{}")
    file = tmp_path / "other.yaml"
    file.write_text(RULES.replace("operators", "pilots"), encoding="utf-8")
    assert "nothing was changed" in run(door, "apply", str(file), "--reason", "x", "--dry-run")
    assert "is in force" in run(door, "apply", str(file), "--reason", "other groups")
    assert run(door, "show") == file.read_text(encoding="utf-8")
    assert run(door, "log").splitlines()[-1].endswith(": other groups")
    with connect(door.url) as connection:
        (act,) = audit.list_latest(connection, kind="sign-in-rules", limit=1)
    assert any("pilots" in line for line in act.details["changed"])


def test_an_administrator_of_everything_changes_the_rules_in_the_console(door: Door) -> None:
    other = RULES.replace("operators", "skippers")
    with door.administer(*EVERYTHING) as root:
        form = {"csrf": root.headers["X-CSRF-Token"], "reason": "ships"}
        page = root.get("/admin/sign-in")
        for shown in (door.issuer, f"{door.base}/login/provider/callback", "groups: operators"):
            assert shown in page.text
        # A browser takes the first line break of a field away.
        assert f">\n{RULES}</textarea>" in html.unescape(page.text)
        wrong = other.replace("role: operator", "role: skipper")
        refused = root.post("/admin/sign-in", data={**form, "text": wrong})
        assert refused.status_code == 422
        assert "5:38" in refused.text
        assert "role: skipper" in refused.text  # what was typed stays
        done = root.post("/admin/sign-in", data={**form, "text": other.replace("\n", "\r\n")})
        assert (done.status_code, done.headers["location"]) == (303, "/admin/sign-in?done=rules")
    assert run(door, "show") == other
    with door.administer(("administrator", NORTH)) as north:
        assert north.get("/admin/sign-in").status_code == 403
        form = {"csrf": north.headers["X-CSRF-Token"], "reason": "x", "text": RULES}
        assert north.post("/admin/sign-in", data=form).status_code == 403


def test_the_doctor_says_whether_people_can_sign_in(door: Door) -> None:
    now = datetime.now(UTC)
    findings = list(doctor.check_identity_provider(door.settings, now))
    assert [finding.state for finding in findings] == ["good"], findings
    away = elsewhere(door, f"http://127.0.0.1:{reserve_port()}")
    (finding,) = doctor.check_identity_provider(away, now)
    assert (finding.state, "does not answer" in finding.what) == ("bad", True)
    wrong = elsewhere(door, door.issuer + "/")
    (finding,) = doctor.check_identity_provider(wrong, now)
    assert (finding.state, "is of the issuer" in finding.what) == ("bad", True)
    plain = elsewhere(door, "http://login.example")
    (finding,) = doctor.check_identity_provider(plain, now)
    assert (finding.state, "https://" in finding.what) == ("bad", True)
    none = door.settings.model_copy(update={"oidc_issuer": ""})
    assert list(doctor.check_identity_provider(none, now)) == []
    with connect(door.url) as connection:
        connection.execute("UPDATE account SET disabled_at = now() WHERE name = 'root'")
    findings = list(doctor.check_identity_provider(door.settings, now))
    with connect(door.url) as connection:
        connection.execute("UPDATE account SET disabled_at = NULL WHERE name = 'root'")
    assert [finding.state for finding in findings] == ["good", "warning"]


def test_local_accounts_are_the_emergency_door(door: Door) -> None:
    away = elsewhere(door, f"http://127.0.0.1:{reserve_port()}")
    with (
        server(door.url, clock=lambda: datetime.now(UTC), settings=away) as base,
        httpx.Client(base_url=base, headers={"Accept-Language": "en"}, timeout=60) as visitor,
    ):
        page = visitor.get("/login?next=/sites")
        assert (page.status_code, "Sign in with Essonne Login" in page.text) == (200, True)
        assert "/login/provider?next=/sites" in page.text
        down = visitor.get("/login/provider?next=/sites")
        assert (down.status_code, "does not answer" in read_problem(down)) == (503, True)
        assert 'name="password"' in down.text
        login = {"name": "root", "password": PASSWORD, "next": "/sites"}
        entered = visitor.post("/login", data=login)
        assert (entered.status_code, entered.headers["location"]) == (303, "/sites")
        out = visitor.post("/logout", data={"csrf": read_me(visitor)["csrf"]})
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        notice = visitor.post("/login/provider/logout", data={"logout_token": "a.b.c"})
        assert notice.status_code == 503


def test_without_a_provider_there_is_no_trace_of_it(door: Door) -> None:
    none = door.settings.model_copy(update={"oidc_issuer": ""})
    with (
        server(door.url, settings=none) as base,
        httpx.Client(base_url=base, timeout=60) as visitor,
    ):
        assert "/login/provider" not in visitor.get("/login").text
        for path in ("/login/provider", "/login/provider/callback?code=x&state=y"):
            assert visitor.get(path).status_code == 404
        assert visitor.post("/login/provider/logout", data={}).status_code == 404


PROCONNECT = """
provider: ProConnect
about: https://www.proconnect.gouv.fr/
scopes: [given_name, usual_name, email, siret, idp_id]
acr: [eidas2]
roles:
  - {when: {siret: "22910228000018", idp_id: 71144ab3-*}, role: operator, area: "91"}
"""


def test_proconnect(database_url: str) -> None:
    """Userinfo as a signed JWT, the secret in the form, a level of assurance, its own claims."""
    agent = {
        "email": "a.martin@essonne.example",
        "given_name": "Angela Claire Louise",
        "usual_name": "MARTIN",
        "siret": "22910228000018",
        "idp_id": "71144ab3-ee1a-4401-b7b3-79b44f7daeeb",
    }
    with providing(make_database(database_url), client="proconnect") as door:
        door.apply(PROCONNECT)
        door.tell(users={"a": agent, "b": {**agent, "weak": True}, "c": {**agent, "siret": "1"}})
        with door.visit() as browser:
            page = browser.get("/login", headers={"Accept-Language": "fr"})
            assert re.search("S.identifier avec ProConnect</a>", page.text)
            assert re.search("Qu.est-ce que ProConnect", page.text)
            sent = parse_qs(urlsplit(begin(browser)).query)
            assert sent["acr_values"] == ["eidas2"]
            assert enter(browser, "a").status_code == 303
            me = read_me(browser)
            assert me["title"] == "Angela Claire Louise MARTIN"
            assert [(role["role"], role["area"]) for role in me["roles"]] == [("operator", "91")]
        for who, word in (("b", "eidas1"), ("c", "siret")):
            with door.visit() as other:
                refused = enter(other, who)
            assert (refused.status_code, word in read_problem(refused)) == (403, True)


def confirm_there(browser: httpx.Client, who: str) -> httpx.Response:
    """Prove at the provider that it is somebody; the console's answer."""
    begun = browser.get("/login/provider", params={"confirm": "true"})
    asked = {
        key: value[0] for key, value in parse_qs(urlsplit(begun.headers["location"]).query).items()
    }
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    for cookie_of_provider in [name for name in browser.cookies if name.startswith("_session")]:
        browser.cookies.delete(cookie_of_provider)
    return browser.get(follow_to_callback(browser, begun.headers["location"], who))


def test_who_has_no_password_confirms_at_the_provider(door: Door, browser: httpx.Client) -> None:
    """The session that the provider still has is no proof; another person's sign-in neither."""
    door.tell(users={"u31": person("olga", "administrators"), "u32": person("otto", "operators")})
    enter(browser, "u31")
    headers = {CSRF_HEADER: read_me(browser)["csrf"]}
    body = {"name": "later", "roles": [{"role": "viewer"}]}

    def forget() -> None:
        with connect(door.url) as connection:
            connection.execute("UPDATE session SET confirmed_at = NULL")

    def create() -> int:
        return browser.post("/api/v1/accounts", json=body, headers=headers).status_code

    forget()
    assert create() == 403
    page = browser.post("/admin/accounts", data={"name": "later", "csrf": headers[CSRF_HEADER]})
    assert 'href="/login/provider?confirm=true"' in page.text
    assert "proof-password" not in page.text
    wrong = confirm_there(browser, "u32")
    assert (wrong.status_code, "somebody else has signed in" in wrong.text) == (403, True)
    door.tell(forge={"claims": {"auth_time": 1_000_000_000}})
    assert "auth_time" in confirm_there(browser, "u31").text
    assert create() == 403
    door.tell(forge=None)
    done = confirm_there(browser, "u31")
    assert (done.status_code, done.headers["location"]) == (303, "/confirm/done")
    assert "It is you" in browser.get("/confirm/done").text
    assert create() == 201, "in the same session"
