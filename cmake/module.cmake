# floe_module(NAME LIBS lib...): an object library of every source file in the current folder.
# A file in a module's folder is part of the module; there is no second list to keep.
function(floe_module name)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC floe_flags ${ARG_LIBS})
endfunction()
