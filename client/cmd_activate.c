/* floe activate */
#include "client/cmd.h"

#include "client/say.h"

int cmd_activate(struct fh_cli *cli)
{
    (void)cli;
    return say_error("This build of floe cannot activate environments.");
}
