# Manual pages and completion scripts, printed by the programs themselves: they come from the same tables as --help.
#
# floe_docs(PROGRAM SECTION): for a target PROGRAM that answers "man" and "completion SHELL".
function(floe_docs program section)
    set(dir ${PROJECT_BINARY_DIR}/generated/docs)
    set(man ${dir}/${program}.${section})
    set(bash ${dir}/bash/${program})
    set(zsh ${dir}/zsh/_${program})
    set(fish ${dir}/fish/${program}.fish)
    file(MAKE_DIRECTORY ${dir}/bash ${dir}/zsh ${dir}/fish)
    add_custom_command(
        OUTPUT ${man} ${bash} ${zsh} ${fish}
        COMMAND ${program} man > ${man}
        COMMAND ${program} completion bash > ${bash}
        COMMAND ${program} completion zsh > ${zsh}
        COMMAND ${program} completion fish > ${fish}
        DEPENDS ${program}
        COMMENT "Printing the manual and completions of ${program}"
        VERBATIM)
    add_custom_target(${program}-docs ALL DEPENDS ${man} ${bash} ${zsh} ${fish})
    install(FILES ${man} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    install(FILES ${bash} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${zsh} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${fish} DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endfunction()
