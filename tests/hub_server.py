"""A server on 127.0.0.1 that speaks as much of the Hugging Face hub's protocol as models take.

Git: repositories are lists of commits, each the whole of its files. Large files go by the batch
protocol of Git LFS, others within the commit. Nothing of xet.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants

TOKEN = "hf_" + "t" * 34
LARGE = (".safetensors",)


class Repository:
    def __init__(self, private=False):
        self.private = private
        self.commits = [{".gitattributes": b"*.safetensors filter=lfs\n"}]

    def sha(self, number=-1):
        number %= len(self.commits)
        return hashlib.sha1(f"{id(self)} {number}".encode()).hexdigest()

    def at(self, revision):
        """The commit's number, by branch or hash; None for no such."""
        names = {self.sha(number): number for number in range(len(self.commits))}
        return {**names, "main": len(self.commits) - 1}.get(revision)

    @property
    def files(self):
        return self.commits[-1]

    def change(self, **files):
        """Commit as somebody else."""
        self.commits.append({**self.files, **files})


class Hub:
    """What the server holds and has been asked."""

    def __init__(self):
        self.repositories = {}
        self.large = {}
        self.asked = []
        """Method, path and user agent of each request."""
        self.address = ""
        self.before_commit = lambda: None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub, *arguments):
        self.hub = hub
        super().__init__(*arguments)

    def log_message(self, *_):
        pass

    def answer(self, content=b"", status=200, **headers):
        if not isinstance(content, bytes):
            headers["Content-Type"], content = "application/json", json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status, message, code=None):
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.answer({"error": message}, status, **headers)

    def handle_any(self):
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers["User-Agent"]))
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if token not in ("", TOKEN):
            return self.refuse(401, "Invalid credentials in Authorization header")
        for pattern, action in ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                return action(self, body, token, *found.groups())
        return self.answer(b"hub")

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def repository(self, name, token):
        found = self.hub.repositories.get(name)
        if found is None or (found.private and not token):
            self.refuse(404 if token else 401, "Repository not found", "RepoNotFound")
            return None
        return found

    def may_write(self, name, token):
        if not token:
            self.refuse(401, "Invalid username or password.")
        elif not name.startswith("me/"):
            self.refuse(403, "You don't have the rights to write to this namespace")
        return bool(token) and name.startswith("me/")

    def create(self, body, token):
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if self.may_write(name, token):
            self.hub.repositories[name] = Repository(asked.get("visibility") == "private")
            self.answer({"url": f"{self.hub.address}/{name}"})

    def validate(self, body, token):
        known = "license: unheard-of" not in json.loads(body)["content"]
        problem = {"errors": [{"message": '"license" must be one of [mit, …]'}]}
        self.answer({} if known else problem, 200 if known else 400)

    def info(self, body, token, name, revision=None):
        if repository := self.repository(name, token):
            number = repository.at(revision or "main")
            files = [{"rfilename": file} for file in repository.commits[number]]
            sha = repository.sha(number)
            known = {"id": name, "sha": sha, "private": repository.private, "siblings": files}
            self.answer({"modelId": name, "tags": [], "downloads": 0, **known})

    def preupload(self, body, token, name, revision):
        if self.repository(name, token) and self.may_write(name, token):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})

    def batch(self, body, token, name):
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.address}/large/{one['oid']}"}}}
            for one in json.loads(body)["objects"]
        ]
        self.answer({"transfer": "basic", "objects": objects})

    def store(self, body, token, oid):
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.large[oid] = body
        self.answer()

    def commit(self, body, token, name, revision):
        repository = self.repository(name, token)
        if repository is None or not self.may_write(name, token):
            return
        self.hub.before_commit()
        header, *operations = map(json.loads, body.splitlines())
        parent = header["value"].get("parentCommit")
        if parent not in (None, repository.sha()):
            self.refuse(412, "The commit's parent is not the head of the branch")
            return
        files = dict(repository.files)
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            else:
                assert operation["key"] == "deletedFile"
                del files[value["path"]]
        repository.commits.append(files)
        sha = repository.sha()
        self.answer({"commitUrl": f"{self.hub.address}/{name}/commit/{sha}", "commitOid": sha})

    def resolve(self, body, token, name, revision, file):
        repository = self.repository(name, token)
        if repository is None:
            return
        number = repository.at(revision)
        if number is None:
            self.refuse(404, "Invalid rev id", "RevisionNotFound")
            return
        content = repository.commits[number].get(file)
        if content is None:
            self.refuse(404, "Entry not found", "EntryNotFound")
            return
        headers = {"X-Repo-Commit": repository.sha(number)}
        if file.endswith(LARGE):
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
        blob = b"blob %d\0" % len(content) + content
        self.answer(content, ETag=f'"{hashlib.sha1(blob).hexdigest()}"', **headers)


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = [
    ("POST /api/repos/create", Handler.create),
    ("POST /api/validate-yaml", Handler.validate),
    (rf"POST /api/models/{NAME}/preupload/(.+)", Handler.preupload),
    (rf"POST /api/models/{NAME}/commit/(.+)", Handler.commit),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT /large/([0-9a-f]{64})", Handler.store),
    (rf"GET /api/models/{NAME}(?:/revision/(.+))?", Handler.info),
    (rf"(?:GET|HEAD) /{NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]


@contextmanager
def hub_server(monkeypatch, cache):
    """A hub, and huggingface_hub as if started with HF_ENDPOINT, HF_TOKEN and HF_HUB_CACHE."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub))
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace("https://huggingface.co", hub.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
