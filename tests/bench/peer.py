"""The baseline: nginx + fcgiwrap (4 workers) + git http-backend, on a folder of its own, with fsync on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import bench


class GitPeer:
    def __init__(self, workshop):
        self.dir = workshop.dir / "peer"
        self.port = bench.free_port()
        self.repo = self.dir / "floxmeta.git"

    def __enter__(self):
        self.dir.mkdir()
        subprocess.run(["git", "init", "-q", "--bare", self.repo], check=True)
        # Durable as Floe is: objects and references reach the disk before a push is acknowledged.
        for key, value in (("http.receivepack", "true"), ("core.fsync", "committed,reference"), ("gc.auto", "0"),
                           ("receive.autogc", "false")):
            subprocess.run(["git", "-C", self.repo, "config", key, value], check=True)
        backend = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip()) / "git-http-backend"
        socket = self.dir / "fcgi"
        conf = self.dir / "nginx.conf"
        conf.write_text(f"""
daemon off; pid {self.dir}/pid; error_log {self.dir}/error.log; worker_processes 2;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p; fastcgi_temp_path {self.dir}/f;
  uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
  server {{ listen 127.0.0.1:{self.port};
    location ~ /git(/.*) {{
      fastcgi_pass unix:{socket};
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {self.dir}; fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param PATH_INFO $1;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding; fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_USER someone;
    }} }} }}""")
        env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
        self.processes = [
            subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             start_new_session=True)
            for command in (["fcgiwrap", "-c", "4", "-s", f"unix:{socket}"], ["nginx", "-p", str(self.dir), "-c", str(conf)])]
        bench.wait_for(lambda: self.answers())
        return self

    def answers(self):
        try:
            return bench.http(f"http://127.0.0.1:{self.port}/git/floxmeta.git/info/refs?service=git-upload-pack").status == 200
        except OSError:
            return False

    def __exit__(self, *_):
        # The whole group: fcgiwrap leaves its workers behind.
        for p in self.processes:
            os.killpg(p.pid, signal.SIGTERM)
        for p in self.processes:
            p.wait(10)
        time.sleep(0.1)
