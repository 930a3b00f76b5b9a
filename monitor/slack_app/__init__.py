"""The Slack app: ``/lastcall``, the buttons under messages, and workspaces that install it.

http.py      signed requests on the service's listener      socket.py   the same without a public
address app.py       bolt: which request is answered by what        oauth.py    /slack/install,
tokens sealed words.py     what a person typed (pure)                     commands.py what it does,
and what is answered buttons.py   acknowledge, snooze, history"""
