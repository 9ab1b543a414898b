/* For tests: cmocka, and an arena that a test or a group of them has, as set-up and tear-down. */
#ifndef TEST_ARENABOX_H
#define TEST_ARENABOX_H

#include "common/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fh_arena *arena;

static inline int open_arena(void **state)
{
    (void)state;
    arena = fh_arena_new();
    return 0;
}

static inline int close_arena(void **state)
{
    (void)state;
    fh_arena_free(arena);
    return 0;
}

/* A row of a test that has an arena of its own. */
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

#endif
