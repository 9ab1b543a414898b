/* Functions nobody here may call, included into every C file by the build. Each has a better one in common/.
 */
#ifndef FLOE_BANNED_H
#define FLOE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FH_BANNED(name) floe_must_not_call_##name

#undef strcpy
#define strcpy(a, b) FH_BANNED(strcpy)
#undef strcat
#define strcat(a, b) FH_BANNED(strcat)
#undef strncpy
#define strncpy(a, b, n) FH_BANNED(strncpy)
#undef strncat
#define strncat(a, b, n) FH_BANNED(strncat)
#undef sprintf
#define sprintf(...) FH_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) FH_BANNED(vsprintf)
#undef gets
#define gets(a) FH_BANNED(gets)
#undef strtok
#define strtok(a, b) FH_BANNED(strtok)
#undef atoi
#define atoi(a) FH_BANNED(atoi)
#undef atol
#define atol(a) FH_BANNED(atol)
#undef system
#define system(a) FH_BANNED(system)
#undef popen
#define popen(a, b) FH_BANNED(popen)
#undef gmtime
#define gmtime(a) FH_BANNED(gmtime)
#undef localtime
#define localtime(a) FH_BANNED(localtime)
#undef ctime
#define ctime(a) FH_BANNED(ctime)
#undef asctime
#define asctime(a) FH_BANNED(asctime)
#undef strerror
#define strerror(a) FH_BANNED(strerror)

#endif
