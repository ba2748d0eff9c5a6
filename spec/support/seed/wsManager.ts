enum chatTypes {
	doctor = 1,
	customer
}

enum chatAction {
	received = 1,
	send,
	read,
	heart
}

enum messageType {
	text = 1,
	img
}

enum wsState {
	CONNECTING = 0,
	OPEN, //可以通信
	CLOSING,
	CLOSED
}

interface Message {
	id: string
	content: string
	senderId: string
	sendTime: number
	[propName: string]: any
}
interface Messages {
	[x: string]: any;
	[index: number]: Message
}

class wsManager {
	lockReconnect = false;
	heartMsg = JSON.stringify({
		'action': chatAction.heart,
	})
	timeHeart = 30000
	overTime = 100000
	settimeHeart = 0
	reconectTimeTO = 0
	reconectTime = 2000
	setoverTime = 0
	reconnectNum = 10

	socketServer = window.location.host
	protocols = window.location.protocol == 'http:' ? 'ws' : 'wss'
	userId = sessionStorage.getItem('uid')
	chatType = chatTypes.doctor 
	token = sessionStorage.getItem('token')
	websock!: WebSocket;

	constructor(type?: chatTypes) {
		this.chatType = type ? type : this.chatType;
		this.init();
	}
	getUrl() {
		return `${this.protocols}://${this.socketServer}/ws/${this.userId}?mode=${this.chatType}&token=${this.token}`;
	}

	init() {
		if (!sessionStorage.getItem('token') || !sessionStorage.getItem('uid')) {
			this.lockReconnect = true;
			return;
		}
		let url = this.getUrl();
		this.websock = new WebSocket(url);
		this.websock.onmessage = (val: any) => {
			this.wsReset();
		};
		this.websock.onopen = (val: any) => {
			this.wsHeartbeat();
		};
		this.websock.onerror = (e: any) => {
			this.wsReconnect();
		};
		this.websock.onclose = (e: any) => {
			if (this.lockReconnect) {
				return
			}
			setTimeout(() => {
				this.wsReconnect();
				this.lockReconnect = false;
			}, 3000)
		};
	}
	wsSend(data: any) {
		if (this.websock && this.websock.readyState == wsState.OPEN) {
			this.websock.send(data);
		}
	}

	wsClose() {
		if (this.websock && this.websock.readyState != wsState.CLOSED) {
			this.websock.close()
		}
	}

	wsReconnect() {
		if (this.lockReconnect || this.reconnectNum <= 0) {
			return
		}
		this.reconnectNum--;
		this.reconectTimeTO = window.setTimeout(() => {
			this.init();
			this.lockReconnect = false;
		}, this.reconectTime)
	}
	wsReset() {
		clearTimeout(this.settimeHeart);
		clearTimeout(this.setoverTime);
		clearTimeout(this.reconectTimeTO);
		this.wsHeartbeat();
	}
	wsHeartbeat() {
		this.settimeHeart = window.setTimeout(() => {
			if (this.websock.readyState == wsState.OPEN) {
				this.wsSend(this.heartMsg);
				this.wsHeartbeat();
			}
		}, this.timeHeart)
	}
	// 客户端主动关闭
	wsHeartOverTime() {
		this.setoverTime = window.setTimeout(() => {
			this.wsClose();
		}, this.overTime)
	}
}

