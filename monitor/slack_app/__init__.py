"""The Slack app: ``/lastcall``, the buttons under messages, and workspaces that install it.

serve          the routes and the socket of a service, as its settings ask
http           signed requests on the service's listener
socket_mode    the same requests over a connection that the service opens
oauth          /slack/install and the way back; tokens are sealed
app            bolt's handlers: which request is answered by what
parse_command  the text after ``/lastcall`` (pure)
commands       what each command does and replies
queries        replies to ``upcoming`` and ``show``
buttons        acknowledge, snooze and history
"""
