# Warnings, hardening and sanitizers, for every target of the project.
add_library(floe_flags INTERFACE)
target_include_directories(floe_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_definitions(floe_flags INTERFACE _GNU_SOURCE FLOE_VERSION="${PROJECT_VERSION}")

set(warnings -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wvla -Werror)
set(warnings_c ${warnings} -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings)
target_compile_options(floe_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:${warnings_c}>
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror>
    # The ban is on our own code: the C++ shim includes headers that use such functions themselves.
    $<$<COMPILE_LANGUAGE:C>:SHELL:-include ${PROJECT_SOURCE_DIR}/common/banned.h>
    -fstack-protector-strong -fno-omit-frame-pointer -fno-strict-aliasing)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(floe_flags INTERFACE -fcf-protection=full)
endif()
target_link_options(floe_flags INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--as-needed)

if(FLOE_SANITIZE)
    target_compile_options(floe_flags INTERFACE -fsanitize=${FLOE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(floe_flags INTERFACE -fsanitize=${FLOE_SANITIZE})
    target_compile_definitions(floe_flags INTERFACE FLOE_SANITIZED=1)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_options(floe_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(FLOE_FUZZ)
    target_compile_options(floe_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR FLOE_SANITIZE)
    target_compile_definitions(floe_flags INTERFACE FLOE_DEBUG=1)
endif()
# Release keeps line tables, so that a profile or a core file can be read.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
