# A serial line does not know how large the terminal at its other end is: ask that, xterm's way.
case $(tty) in
/dev/ttyS* | /dev/ttyAMA*)
    if [ -n "${BASH_VERSION:-}" ]; then
        workshop_terminal=$(stty -g)
        stty -echo
        printf '\0337\033[999;999H\033[6n\0338'
        if IFS='[;' read -r -t 10 -d R _ workshop_rows workshop_columns; then
            stty "$workshop_terminal" rows "$workshop_rows" columns "$workshop_columns"
        else
            stty "$workshop_terminal"
        fi
        unset workshop_terminal workshop_rows workshop_columns
    fi
    ;;
esac
