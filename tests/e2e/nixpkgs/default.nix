# A package set shaped like nixpkgs, for what "nix-env -qaP" says of one. Nothing of it can be built.
{ system ? "x86_64-linux" }:
let
  package = { pname, version, outputs ? [ "out" ], name ? "${pname}-${version}", meta ? { } }:
    (derivation {
      inherit name system outputs;
      builder = "/none";
    }) // { inherit pname version; meta = { outputsToInstall = [ "out" ]; } // meta; };
  mit = { spdxId = "MIT"; fullName = "MIT License"; };
  apache = { spdxId = "Apache-2.0"; fullName = "Apache License 2.0"; };
  set = packages: packages // { recurseForDerivations = true; };
in
{
  hello = package {
    pname = "hello";
    version = "2.12.1";
    outputs = [ "out" "man" "debug" ];
    meta = {
      description = "A program that produces a familiar, friendly greeting";
      license = { spdxId = "GPL-3.0-or-later"; fullName = "GNU General Public License v3.0 or later"; };
      outputsToInstall = [ "out" "man" ];
      broken = false;
      insecure = false;
      unfree = false;
    };
  };
  netcat = package { pname = "libressl"; version = "4.3.2"; meta.license = [ mit apache ]; };
  rust-lib-src = package { pname = "rust-lib-src"; version = ""; name = "rust-lib-src"; };
  one-license = package { pname = "one-license"; version = "1"; meta.license = [ mit ]; };
  by-name = package { pname = "by-name"; version = "0-unstable-2026-04-14"; meta = { license = "Public Domain"; description = null; }; };
  closed = package {
    pname = "closed";
    version = "7.5";
    meta = { license = { fullName = "Unfree"; free = false; }; unfree = true; broken = true; insecure = true; available = false; };
  };
  python3Packages = set {
    flask = package { pname = "flask"; name = "python3.12-flask-3.0.3"; version = "3.0.3"; meta.license = { fullName = "BSD 3-Clause"; spdxId = "BSD-3-Clause"; }; };
    inner = set { deep = package { pname = "deep"; version = "1"; }; };
  };
}
