"""The emulator of `make demo`, stricter: started in this process with stand-ins, refusals and corrections around it.

Run instead of `ministack` and with its environment; besides that REHEARSAL, a folder for journal and control file, and CFN_SCHEMAS, the
registry schemas that cfn-lint ships."""

import across_accounts
import apis
import corrections
import edge
import handlers
import policies
import readback
import refused_names  # noqa: F401  a table's rows
import refused_operations
import refused_policies  # noqa: F401
import refused_telemetry  # noqa: F401
import stand_ins


def main():
    """Everything in its order: what handlers are made of before they are wrapped, what asks for wrapped ones after."""
    stand_ins.install()
    policies.install()
    corrections.install()
    across_accounts.install()
    handlers.install()
    refused_operations.install()
    readback.install()
    apis.install()
    edge.install()
    from ministack.app import main as serve

    serve()


if __name__ == "__main__":
    main()
