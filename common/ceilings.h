/* Every ceiling on what somebody outside can make grow, in one list. A size is in bytes, a time in
 * milliseconds. The ones an operator may change are options (server/config.c) whose default is the value
 * here. */
#ifndef FH_CEILINGS_H
#define FH_CEILINGS_H

enum {
    /* HTTP: one request */
    FH_MAX_TARGET = 8 * 1024, /* the request line's path and query */
    FH_MAX_QUERY_PAIRS = 64,
    FH_MAX_HEADERS = 32 * 1024,           /* all header lines of a request; a JWT in Basic is over 1 KiB */
    FH_MAX_BODY_SMALL = 64 * 1024,        /* a body that is kept in memory */
    FH_MAX_BODY_FETCH = 1024 * 1024,      /* a git fetch request, inflated */
    FH_MAX_BODY_FILES = 12 * 1024 * 1024, /* a generation's files as JSON (REST) */
    FH_MAX_BODY_PUSH = 64 * 1024 * 1024,  /* a git push request (option push_limit) */
    FH_MAX_GUNZIP_RATIO = 200,            /* inflated : sent, once over FH_MAX_BODY_SMALL */
    FH_MAX_JSON_DEPTH = 64,
    FH_MAX_JSON_UNITS = 512 * 1024,   /* see json.c: some fifty MB; a metadata.json of 13,000 generations */
    FH_SPOOL_CHUNK = 64 * 1024,       /* what a connection holds in memory of a streamed body */
    FH_SPARE_DISK = 48 * 1024 * 1024, /* what bodies leave to the database, which may share their disk */
    /* HTTP: the whole server */
    FH_MAX_CONNECTIONS = 4096,
    FH_MAX_CONNECTIONS_PER_ADDRESS = 512,
    FH_MAX_QUEUE = 1024,             /* requests waiting for a worker */
    FH_IDLE_TIMEOUT = 30 * 1000,     /* a connection with nothing under way, or one that stalls */
    FH_REQUEST_TIMEOUT = 300 * 1000, /* a whole request, from its first byte to the end of its body */
    FH_BODY_FLOOR = 1024,            /* bytes a second that a body must reach after FH_BODY_GRACE */
    FH_BODY_GRACE = 30 * 1000,
    FH_MAX_REFUSED_BODY = 1024 * 1024, /* read and thrown away, so that a refusal reaches its client */
    FH_LINGER_TIMEOUT = 2 * 1000,      /* the same, for a connection that is closed after the refusal */
    FH_WORK_TIMEOUT = 60 * 1000,       /* from the end of a body to the answer */
    FH_DRAIN_TIMEOUT = 10 * 1000,      /* SIGTERM to exit */

    /* names */
    FH_MAX_HANDLE = 63,
    FH_MIN_HANDLE = 3,
    FH_MAX_ENV_NAME = 100,
    FH_MAX_TOKEN_TEXT = 8 * 1024,

    /* git */
    FH_MAX_PKT = 65520,      /* a pkt-line, its four digits included */
    FH_MAX_SIDEBAND = 65515, /* data bytes behind the band number */
    FH_MAX_WANTS = 256,
    FH_MAX_HAVES = 16 * 1024,
    FH_MAX_REF_PREFIXES = 256,
    FH_MAX_PUSH_COMMANDS = 16,
    FH_MAX_PUSH_OBJECTS = 20000,
    FH_MAX_OBJECT = 16 * 1024 * 1024,         /* one object, inflated */
    FH_MAX_PACK_INFLATED = 256 * 1024 * 1024, /* all entries of a pushed pack together, deltas applied */
    FH_MAX_DELTA_DEPTH = 64,
    FH_MAX_TREE_ENTRIES = 20000,
    FH_MAX_TREE_DEPTH = 8, /* an environment branch needs three */
    FH_MAX_TREE_NAME = 255,
    FH_MAX_COMMIT = 64 * 1024,
    FH_MAX_WALK_COMMITS = 100000,
    FH_MAX_PACKS_PER_OWNER = 24, /* more than this starts a compaction */

    /* documents */
    FH_MAX_MANIFEST = 1024 * 1024,
    FH_MAX_LOCK = 16 * 1024 * 1024,
    FH_MAX_LOCK_SENT = 8 * 1024 * 1024, /* in a REST request */
    FH_MAX_METADATA = 4 * 1024 * 1024,
    FH_MAX_TOML_DEPTH = 32,
    FH_MAX_INCLUDES = 256, /* environments that one includes */

    /* the catalog: questions */
    FH_MIN_SEARCH_TERM = 2, /* characters, not bytes */
    FH_MAX_SEARCH_TERM = 200,
    FH_MAX_BODY_LOOKUP = 8 * 1024 * 1024,
    FH_MAX_LOOKUP_GROUPS = 256,
    FH_MAX_LOOKUP_REFERENCES = 1024,    /* of a group */
    FH_MAX_LOOKUP_REFERENCE = 1024,     /* characters */
    FH_MAX_BODY_SBOM = 9 * 1024 * 1024, /* a lock, and what environment it is of */
    FH_MAX_SBOM_PACKAGES = 8192,        /* of one system */
    FH_MAX_SBOM_NAME = 256,             /* an environment's, its owner's; characters */
    FH_MAX_SBOM_OUTPUTS = 100,          /* characters of the parameter outputs */
    FH_MAX_DERIVATIONS = 256,           /* descriptions of one .drv that are looked at */
    FH_MAX_LOOKUP_MATCHES = 16384,      /* packages that the stars of a lookup mean, all groups together */
    FH_UPSTREAM_CONNECT_TIMEOUT = 3 * 1000,
    FH_UPSTREAM_TIMEOUT = 20 * 1000, /* a whole answer of an upstream */
    FH_MAX_UPSTREAM_ANSWER = 32 * 1024 * 1024,
    FH_MAX_UPSTREAM_KEPT = 64 * 1024 * 1024,  /* of its answers in memory, all together */
    FH_MAX_UPSTREAM_NAMED = 16 * 1024 * 1024, /* of an answer's texts in which a group's name is put back */
    FH_MAX_CATALOG_PAGE = 10000,              /* rows on a page of an answer; clients ask for 1000 */
    FH_MAX_CATALOG_PAGES = 8 * 1024 * 1024,   /* the number of the last page that can be asked for */
    FH_MAX_CATALOG_ANSWER = 64 * 1024 * 1024, /* bytes of an answer */

    /* resolve: one request */
    FH_MAX_BODY_RESOLVE = 4 * 1024 * 1024,
    FH_MAX_RESOLVE_GROUPS = 1024,
    FH_MAX_RESOLVE_ROWS =
        8192, /* packages, each system counted; the largest environments have some hundreds */
    FH_MAX_RESOLVE_SYSTEMS = 16,
    FH_MAX_RESOLVE_LICENSES = 256,
    FH_MAX_RESOLVE_TEXT = 1024, /* a name, an attribute path, a derivation */
    FH_MAX_VERSION_TEXT = 512,
    FH_MAX_VERSION_CLAUSES = 32,
    FH_MAX_CANDIDATE_PAGES = 10000,
    FH_MAX_RESOLVE_MEMORY = 64 * 1024 * 1024, /* of packages kept between requests */
    FH_MAX_EXPLAIN_NAMES = 16,                /* names for which explain looks for similar ones */

    /* the catalog: what an import may bring */
    FH_MAX_IMPORT_LINE = 256 * 1024,          /* a row; the longest of nixpkgs' is under 20 KB */
    FH_MAX_IMPORT_MEMORY = 128 * 1024 * 1024, /* of a decompressor: xz -9 takes 65 MB */
    FH_MAX_IMPORT_PAGES = 4096,
    FH_MAX_ATTR_PATH = 512,
    FH_MAX_STORE_PATH = 512,   /* a .drv's or an output's */
    FH_MAX_PACKAGE_NAME = 512, /* as its version */
    FH_MAX_DESCRIPTION = 8 * 1024,
    FH_MAX_LICENSE = 8 * 1024,     /* a list of them in brackets is one text */
    FH_MAX_CATALOG_URL = 2 * 1024, /* of a source, a cache */
    FH_MAX_OUTPUTS = 64,
    FH_MAX_OUTPUT_NAME = 128,
    FH_MAX_DEPRECATION = 8 * 1024,
    FH_MAX_PAGE_TAGS = 16,
    FH_MAX_PAGE_TAG = 63,

    /* the database */
    FH_PACK_CHUNK = 1024 * 1024, /* one row of a stored pack */
    FH_MAX_ROWS_BYTES = 64 * 1024 * 1024,
};

#endif
