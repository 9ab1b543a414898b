/* Which identifiers of licenses and of exceptions to them there are (SPDX 2.3, annex A). Pure. */
#ifndef CATALOG_SPDX_IDS_H
#define CATALOG_SPDX_IDS_H

#include "common/version.h"

/* As the list spells it, static, for any case of it; len 0: it is none. */
struct fh_span catalog_spdx_license_id(struct fh_span text);
struct fh_span catalog_spdx_exception_id(struct fh_span text);

#endif
