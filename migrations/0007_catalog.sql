-- The catalog: what packages there are, on which pages, and what became of them. The hub's own catalog (the base catalog) is
-- a sequence of pages, one revision of nixpkgs each; every owner may have one catalog of published builds.

CREATE TABLE catalog (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id bigint UNIQUE REFERENCES owner,                       -- null: the base catalog, of which there is one
    visibility bigint NOT NULL DEFAULT 4 CHECK (visibility BETWEEN 1 AND 4),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX catalog_base ON catalog ((true)) WHERE owner_id IS NULL;
INSERT INTO catalog (owner_id, visibility) VALUES (NULL, 1);

-- Rises with every change that an answer could show. Whoever caches keeps it beside what was built from it; the channel
-- floe_catalog tells of it.
CREATE TABLE catalog_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO catalog_version DEFAULT VALUES;

CREATE TABLE catalog_page (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rev text COLLATE "C" NOT NULL UNIQUE CHECK (rev ~ '^[0-9a-f]{40}$'),
    rev_count bigint NOT NULL UNIQUE,                              -- its number, and its order
    rev_date timestamptz NOT NULL,
    complete_at timestamptz,                                       -- null: being imported, and seen by nobody
    created_at timestamptz NOT NULL DEFAULT now()
);
-- A page without a tag answers no question but one that pins a derivation to it.
CREATE TABLE catalog_page_tag (
    page_id int NOT NULL REFERENCES catalog_page ON DELETE CASCADE,
    tag text COLLATE "C" NOT NULL CHECK (tag ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    PRIMARY KEY (page_id, tag)
);
-- A column of a page: one system. Its place stands in a row of places that each system has for itself; runs (below) go
-- along it. Positive places are in the order of imports, and each continues the one before it; negative ones stand apart.
CREATE SEQUENCE catalog_place AS int;
CREATE TABLE catalog_page_system (
    page_id int NOT NULL REFERENCES catalog_page ON DELETE CASCADE,
    system smallint NOT NULL,                                      -- enum fh_system
    place int NOT NULL,
    scraped_at bigint NOT NULL,                                    -- microseconds since 1970; 0: not known
    PRIMARY KEY (page_id, system),
    UNIQUE (system, place)
);

-- A derivation as it is described: the same .drv with another description or flag is another row. Content-addressed, so that
-- a page costs what is new on it. Nothing refers to it by a foreign key: each would lock a row here for every row there, and
-- search all of them for every row that goes; fsck looks instead.
CREATE TABLE derivation (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 20),      -- of all that follows
    drv_path text COLLATE "C" NOT NULL,
    system smallint NOT NULL,                                      -- enum fh_system
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    outputs text NOT NULL,                                         -- [{"name":…,"store_path":…}], in the order of answers
    outputs_to_install text,                                       -- JSON array, sorted, unique
    description text,
    license text,
    flags smallint NOT NULL,                                       -- 1 broken, 2 insecure, 4 unfree, 8 missing_builds;
                                                                   -- 16, 32, 64, 128: the same is not known (null)
    cache_uri text
);

CREATE TABLE package (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    catalog_id bigint NOT NULL REFERENCES catalog,
    attr_path text COLLATE "C" NOT NULL,                           -- without the owner
    deprecation text,                                              -- JSON object
    newest int,                                                    -- what search shows: of the newest page or build
    UNIQUE (catalog_id, attr_path)
);

-- Which derivation an attribute of the base catalog is, on all pages whose place is at least `first` and before `past`. Most
-- of a page is as on the one before it, so that a run is written where something changes, and a page costs what is new on it.
CREATE TABLE page_run (
    package_id int NOT NULL,
    system smallint NOT NULL,
    first int NOT NULL,
    past int NOT NULL CHECK (past > first),                        -- 2147483647: it goes on with the next page
    derivation_id int NOT NULL,
    PRIMARY KEY (package_id, system, first) INCLUDE (past, derivation_id)
);
-- What goes on: the newest column of each system, to which the next one is compared.
CREATE INDEX page_run_going ON page_run (system, package_id) INCLUDE (derivation_id) WHERE past = 2147483647;
-- When an attribute was looked at on a page, where that is not when its column was.
CREATE TABLE page_scrape (
    package_id int NOT NULL,
    system smallint NOT NULL,
    page_id int NOT NULL REFERENCES catalog_page ON DELETE CASCADE,
    scraped_at bigint NOT NULL,
    PRIMARY KEY (package_id, system, page_id)
);
CREATE INDEX page_scrape_page ON page_scrape (page_id);
-- What readers ask: which derivation an attribute is on a page.
CREATE VIEW page_package AS
    SELECT r.package_id, r.system, s.page_id, r.derivation_id, coalesce(x.scraped_at, s.scraped_at) AS scraped_at
    FROM page_run r
    JOIN catalog_page_system s ON s.system = r.system AND s.place >= r.first AND s.place < r.past
    LEFT JOIN page_scrape x ON x.package_id = r.package_id AND x.system = r.system AND x.page_id = s.page_id;

-- A build of an owner's catalog. Never deleted: a yank marks.
CREATE TABLE package_build (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id int NOT NULL REFERENCES package,
    derivation_id int NOT NULL,
    system smallint NOT NULL,
    base_rev_count bigint,                                         -- of the page it was built on; null: not known
    locked_url text NOT NULL,                                      -- of its source, as are the next three
    rev text NOT NULL,
    rev_count bigint NOT NULL,
    rev_date timestamptz NOT NULL,
    scraped_at bigint NOT NULL DEFAULT 0,
    yanked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (package_id, system, derivation_id)
);
