# A serial line does not know how large the terminal at its other end is: ask that, xterm's way.
case $(tty) in
/dev/ttyS* | /dev/ttyAMA*)
    if [ -n "${BASH_VERSION:-}" ]; then
        printf '\0337\033[999;999H\033[6n\0338'
        if IFS='[;' read -r -s -t 2 -d R _ workshop_rows workshop_columns; then
            stty rows "$workshop_rows" columns "$workshop_columns"
        fi
        unset workshop_rows workshop_columns
    fi
    ;;
esac
