/* What pages refer to besides each other: a stylesheet and an icon, compiled in (files.cmake). Immutable. */
#ifndef UI_FILES_H
#define UI_FILES_H

#include <stddef.h>

enum ui_file_id { UI_STYLE, UI_ICON, UI_FILES };

struct ui_file {
    const char *type;
    const char *digest; /* of the bytes: pages ask for the file with it, so that a browser may keep it long */
    size_t size;
    const char *bytes; /* ASCII */
};
extern const struct ui_file ui_files[UI_FILES];

#endif
