"""wrk, with bodies."""

import subprocess
from pathlib import Path

import bench


def load(workshop, url, connections, seconds, method="GET", bodies=(b"",), headers=None):
    """Requests per second and p99 in ms, with the bodies replayed in turn as they are."""
    script = Path(workshop.dir) / f"wrk-{next(bench._names)}.lua"
    lua = ",\n".join('"' + "".join(f"\\{b:03d}" for b in body) + '"' for body in bodies)
    head = "".join(f'wrk.headers["{k}"] = "{v}"\n' for k, v in (headers or {}).items())
    script.write_text(f'wrk.method = "{method}"\n{head}local bodies = {{{lua}}}\nlocal requests, at = {{}}, 0\n'
                      "function init() for i, b in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, #b > 0 and b or nil) end end\n"
                      "function request() at = at % #requests + 1; return requests[at] end\n"
                      'function done(s, l, r) io.write(string.format("RESULT %d %d %d %d\\n", s.requests, s.duration,'
                      " l:percentile(99), s.errors.status + s.errors.read + s.errors.connect + s.errors.timeout)) end\n")
    out = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(script), url],
                         capture_output=True, text=True).stdout
    script.unlink()
    requests, duration, p99, errors = next(map(int, line.split()[1:]) for line in out.splitlines() if line.startswith("RESULT"))
    assert errors == 0, f"{url}: {errors} errors of {requests}\n{out}"
    return requests / (duration / 1e6), p99 / 1e3
